// The engine in WebAssembly: the calls of include/playground.h over its memory.

const STEP = 8; // bytes of a double, and the unit of what is allocated here

/** A net in the engine's memory. Its methods give copies of the bytes. */
class Net {
  constructor(engine, numbers, data) {
    this.engine = engine;
    const { exports } = engine;
    const at = exports.malloc(numbers.byteLength + data.byteLength + STEP);
    const wrong = at + numbers.byteLength + data.byteLength;
    const aligned = wrong - (wrong % 4);
    engine.bytes().set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), at);
    engine
      .bytes()
      .set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at + numbers.byteLength);
    this.net = exports.fnn_play_new(
      at,
      numbers.length,
      at + numbers.byteLength,
      data.length,
      aligned,
    );
    const text = new DataView(exports.memory.buffer).getUint32(aligned, true);
    exports.free(at);
    if (!this.net) throw new Error(engine.text(text));
  }

  frame(steps, grid) {
    const { exports } = this.engine;
    return this.engine.read(exports.fnn_play_frame_bytes(this.net, grid), (out) =>
      exports.fnn_play_frame(this.net, steps, grid, out),
    );
  }

  trace(row) {
    const { exports } = this.engine;
    return this.engine.read(exports.fnn_play_trace_bytes(this.net), (out) =>
      exports.fnn_play_trace(this.net, row, out),
    );
  }

  free() {
    this.engine.exports.fnn_play_free(this.net);
    this.net = 0;
  }
}

class Engine {
  constructor(instance) {
    this.exports = instance.exports;
  }

  bytes() {
    return new Uint8Array(this.exports.memory.buffer); // anew: memory may have grown
  }

  text(at) {
    const bytes = this.bytes();
    return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
  }

  read(size, write) {
    const at = this.exports.malloc(size);
    write(at);
    const copy = this.bytes().slice(at, at + size).buffer;
    this.exports.free(at);
    return copy;
  }

  create(numbers, data) {
    return new Net(this, numbers, data);
  }
}

/**
 * The engine from the bytes of engine.wasm; table: 0 for plain instructions, 1 for vectors.
 * @param {BufferSource} bytes
 */
export async function load(bytes, table = 1) {
  let exports = null;
  const clock = (_id, _precision, out) => {
    const now = BigInt(Math.round(performance.now() * 1e6));
    new DataView(exports.memory.buffer).setBigUint64(out, now, true);
    return 0;
  };
  const { instance } = await WebAssembly.instantiate(bytes, {
    wasi_snapshot_preview1: { clock_time_get: clock },
    env: { emscripten_notify_memory_growth: () => {} },
  });
  exports = instance.exports;
  exports._initialize();
  exports.fnn_isa_select(Math.min(table, exports.fnn_isa_count() - 1));
  return new Engine(instance);
}
