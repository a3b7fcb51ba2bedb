// The worker that holds the engine in WebAssembly, so that steps never keep the page waiting.

import { load } from "./wasm.js";

const nets = new Map();
let next = 1;

const engine = (async () => {
  const answer = await fetch(new URL("./engine.wasm", import.meta.url));
  if (!answer.ok) throw new Error("engine.wasm: it is not there; `make playground` builds it");
  return load(await answer.arrayBuffer());
})();

const calls = {
  async create(numbers, data) {
    nets.set(next, (await engine).create(numbers, data));
    return next++;
  },
  frame: (net, steps, grid) => nets.get(net).frame(steps, Number(grid)),
  trace: (net, row) => nets.get(net).trace(row),
  free(net) {
    nets.get(net)?.free();
    nets.delete(net);
  },
};

self.onmessage = async ({ data: { id, call, args } }) => {
  try {
    const result = await calls[call](...args);
    self.postMessage({ id, result }, result instanceof ArrayBuffer ? [result] : []);
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
};
