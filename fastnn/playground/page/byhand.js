// One step by hand: the numbers of one training row, as fastnn.explain.trace prints them.

import { layersOf, readTrace } from "./net.js";
import { ACTIVATIONS, FEATURES } from "./settings.js";

/** Six digits, as Python's %.6g has them. */
function text(x) {
  if (x === 0 || !Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  const short = String(Number(x.toPrecision(6)));
  return size < 1e-4 || size >= 1e6 ? Number(short).toExponential() : short;
}

function table(caption, head, rows) {
  const made = document.createElement("table");
  made.createCaption().textContent = caption;
  const top = made.createTHead().insertRow();
  for (const name of head) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    top.append(cell);
  }
  const body = made.createTBody();
  for (const [name, ...cells] of rows) {
    const row = body.insertRow();
    const cell = document.createElement("th");
    cell.scope = "row";
    cell.textContent = name;
    row.append(cell);
    for (const x of cells) row.insertCell().textContent = x;
  }
  return made;
}

/** The rows of a layer's two tables. */
function rowsOf(layer, trace, number, parameters, names) {
  const { inputs, units, weights, biases } = number;
  const unitRows = Array.from({ length: units }, (_, j) =>
    [`${j}`, ...["z", "a", "da", "slope", "dz"].map((part) => text(layer[part][j]))]);
  const row = (name, at) => [name, ...[parameters, trace.gradients, trace.updated].map((of) => text(of[at]))];
  const weightRows = [];
  for (let j = 0; j < units; j++)
    for (let i = 0; i < inputs; i++)
      weightRows.push(row(`weight[${j},${i}] from ${names[i]}`, weights + i * units + j));
  for (let j = 0; j < units; j++) weightRows.push(row(`bias[${j}]`, biases + j));
  return [unitRows, weightRows];
}

/** Fill `root` with the tables of a step; parameters: those before it. */
export function showTrace(root, bytes, settings, parameters, row) {
  const trace = readTrace(bytes, settings);
  const inputs = settings.features.map((name, i) => `${FEATURES[name].label} = ${text(trace.inputs[i])}`);
  const line = document.createElement("p");
  line.textContent = `Row ${row}: ${inputs.join(", ")}; target ${text(trace.target)}; loss E = ${text(trace.loss)}.`;
  let names = settings.features.map((name) => FEATURES[name].label);
  const parts = layersOf(settings).flatMap((number, l) => {
    const last = l === settings.layers.length;
    const f = last ? "Linear" : ACTIVATIONS[settings.activation];
    const [units, weights] = rowsOf(trace.layers[l], trace, number, parameters, names);
    names = Array.from({ length: number.units }, (_, j) => `unit ${j}`);
    const title = last ? "Output" : `Layer ${l + 1}`;
    return [
      table(`${title}: units (${f})`, ["unit", "net z", "out a = f(z)", "∂E/∂a", "∂a/∂z", "∂E/∂z"], units),
      table(`${title}: weights`, ["parameter", "w", "∂E/∂w", "w after the step"], weights),
    ];
  });
  root.replaceChildren(line, ...parts);
}
