// Frames of nets by the engine in WebAssembly, for test_playground_wasm.py.
//   node wasm_frames.mjs engine.wasm net...      each net a file: how many numbers, numbers, data
// writes, for each net and each table, files net.<table>.frame and net.<table>.trace.
import { readFileSync, writeFileSync } from "node:fs";
import { load } from "../fastnn/playground/page/wasm.js";

const [engineFile, steps, ...nets] = process.argv.slice(2);
for (const table of [0, 1]) {
  const engine = await load(readFileSync(engineFile), table);
  for (const file of nets) {
    const { buffer, byteOffset, byteLength } = readFileSync(file);
    const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
    const n = new Float64Array(bytes, 0, 1)[0];
    const net = engine.create(new Float64Array(bytes, 8, n), new Float32Array(bytes, 8 + 8 * n));
    const frame = net.frame(Number(steps), 1);
    writeFileSync(`${file}.${table}.trace`, Buffer.from(net.trace(1)));
    writeFileSync(`${file}.${table}.frame`, Buffer.from(frame));
    net.free();
  }
}
