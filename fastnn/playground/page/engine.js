// The engine behind the page: in WebAssembly, in a worker, or the server of `fastnn playground`.
// Both have create(numbers, data), frame(net, steps, grid), trace(net, row) and free(net).

class WasmEngine {
  constructor() {
    this.name = "WebAssembly in this browser";
    this.waiting = new Map();
    this.next = 1;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(result);
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message || "the worker failed"));
      this.waiting.clear();
    };
  }

  ask(call, ...args) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, args });
    });
  }

  create(numbers, data) {
    return this.ask("create", numbers, data);
  }

  frame(net, steps, grid) {
    return this.ask("frame", net, steps, grid);
  }

  trace(net, row) {
    return this.ask("trace", net, row);
  }

  free(net) {
    return this.ask("free", net);
  }

  /** The worker goes with the page. */
  leave() {}
}

class NativeEngine {
  constructor(headers) {
    this.name = "the engine of this machine";
    this.headers = headers; // with the token
    this.asked = new Map(); // by net: until its calls are answered
  }

  async ask(path, body = null, options = {}) {
    const { headers } = this;
    const answer = await fetch(path, { method: "POST", body, headers, ...options }).catch(() => {
      throw new Error("the server does not answer; start `fastnn playground` again, then open the address that it prints");
    });
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  }

  /** A call of a net, which is not freed before it is answered. */
  async bytes(net, path) {
    const answer = this.ask(path);
    this.asked.set(net, Promise.allSettled([this.asked.get(net), answer]));
    return (await answer).arrayBuffer();
  }

  async create(numbers, data) {
    const count = new Float64Array([numbers.length]);
    return Number(await (await this.ask("/new", new Blob([count, numbers, data]))).text());
  }

  frame(net, steps, grid) {
    return this.bytes(net, `/frame?net=${net}&steps=${steps}&grid=${Number(grid)}`);
  }

  trace(net, row) {
    return this.bytes(net, `/trace?net=${net}&row=${row}`);
  }

  async free(net) {
    await this.asked.get(net);
    this.asked.delete(net);
    return this.ask(`/free?net=${net}`).catch(() => {}); // a server that has ended has freed it
  }

  /** Free a net of a page that is left. */
  leave(net) {
    this.ask(`/free?net=${net}`, null, { keepalive: true }).catch(() => {});
  }
}

/** begin.json says which: the server writes its own, a static copy of the page has another. */
export const connect = (begin, headers) =>
  begin.engine === "native" ? new NativeEngine(headers) : new WasmEngine();
