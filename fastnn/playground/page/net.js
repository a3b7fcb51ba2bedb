// A net for the engine: its numbers and data (include/playground.h), and the parts of its frames.

import { EDGE } from "./data.js";
import { uniform } from "./random.js";
import { ACTIVATIONS, FEATURES, LOSSES, OPTIMIZERS, SCHEDULES } from "./settings.js";

export const SIDE = 50; // of the grid
const HEAD = 8;
export const BINS = 24;

/** The units of all layers, the last one included. */
const unitsOf = (settings) => [...settings.layers, 1];

/** Places of a layer's weights (n_in, n_out) and biases among a net's parameters. */
export function layersOf(settings) {
  let at = 0;
  let n = settings.features.length;
  return unitsOf(settings).map((units) => {
    const layer = { inputs: n, units, weights: at, biases: at + n * units };
    at += (n + 1) * units;
    n = units;
    return layer;
  });
}

const indexOf = (names, name) => Object.keys(names).indexOf(name);

/** An optimizer as the engine takes it: its own numbers, which moments it keeps, its attrs. */
function updateOf({ optimizer, own }) {
  const eps = 1e-8;
  const { beta1, beta2 } = own;
  switch (optimizer) {
    case "sgd": return { own: [own.momentum, 0], moments: own.momentum > 0 ? 1 : 0, attrs: [0, 0] };
    case "nesterov": return { own: [own.momentum, 0], moments: 1, attrs: [1, 0] };
    case "rmsprop":
      return { own: [own.alpha, eps, own.momentum], moments: own.momentum > 0 ? 5 : 1, attrs: [0, 0] };
    case "adagrad": return { own: [own.lr_decay, 0, 1e-10], moments: 1, attrs: [0, 0] };
    case "nadam": return { own: [beta1, beta2, eps, 0.004], moments: 3, attrs: [0, 0] };
    case "lion": return { own: [beta1, beta2], moments: 1, attrs: [0, 0] };
    case "rprop":
      return { own: [own.etaminus, own.etaplus, 1e-6, 50], moments: 3, attrs: [0, 0] };
    default: return { own: [beta1, beta2, eps], moments: 3, attrs: [0, 0] };
  }
}

function numbersOf(settings, counts) {
  const update = updateOf(settings);
  const { row, decay } = OPTIMIZERS[settings.optimizer];
  const units = unitsOf(settings);
  return new Float64Array([
    ...counts, settings.features.length, settings.batch, settings.seed,
    indexOf(ACTIVATIONS, settings.activation), indexOf(LOSSES, settings.loss), settings.dropout,
    row, settings.lr,
    decay === "added" ? settings.l2 : 0, decay === "decoupled" ? settings.l2 : 0, settings.l1,
    ...[0, 1, 2, 3].map((i) => update.own[i] ?? 0), update.moments, ...update.attrs,
    indexOf(SCHEDULES, settings.schedule), settings.period, settings.factor,
    units.length, ...units,
  ]);
}

/** The inputs of a place. */
const inputsAt = (settings, x, y) => settings.features.map((name) => FEATURES[name].of(x, y));

/** What is learned of a label: 0 or 1 by cross-entropy. */
const targetOf = (settings, label) =>
  settings.loss === "cross_entropy" ? (label > 0 ? 1 : 0) : label;

/** The places of the picture's dots, row by row from above. */
function gridPoints() {
  const at = (i) => ((i + 0.5) / SIDE) * 2 * EDGE - EDGE;
  return Array.from({ length: SIDE * SIDE }, (_, i) => ({ x: at(i % SIDE), y: -at(Math.floor(i / SIDE)) }));
}

/** First weights as torch draws them: uniform within 1 / sqrt(inputs), biases too. */
function firstWeights(settings) {
  const random = uniform(settings.seed * 7919 + 17);
  return layersOf(settings).flatMap(({ inputs, units }) => {
    const most = 1 / Math.sqrt(inputs);
    return Array.from({ length: (inputs + 1) * units }, () => (random() * 2 - 1) * most);
  });
}

/** What the engine takes for a net of these settings and points. */
export function describe(settings, { train, test }) {
  const grid = gridPoints();
  const inputs = (points) => points.flatMap(({ x, y }) => inputsAt(settings, x, y));
  const targets = (points) => points.map(({ label }) => targetOf(settings, label));
  const parts = [inputs(train), targets(train), inputs(test), targets(test), inputs(grid)];
  return {
    numbers: numbersOf(settings, [train.length, test.length, grid.length]),
    data: new Float32Array([...parts, firstWeights(settings)].flat()),
  };
}

/** The parts of a frame's bytes; outputs[l] is (SIDE * SIDE, units), there if it has the grid. */
export function readFrame(bytes, settings, { train, test }) {
  const [status, epoch, step, rate, trainLoss, testLoss, count] = new Float64Array(bytes, 0, HEAD);
  let at = 8 * HEAD;
  const next = (n) => {
    const part = new Float32Array(bytes, at, n);
    at += 4 * n;
    return part;
  };
  const frame = { status, epoch, step, rate, trainLoss, testLoss };
  frame.parameters = next(count);
  frame.gradients = next(count);
  frame.onTrain = next(train.length);
  frame.onTest = next(test.length);
  const units = unitsOf(settings);
  frame.histograms = units.map(() => {
    const [least, most] = next(2);
    return { least, most, bins: next(BINS) };
  });
  if (at < bytes.byteLength) frame.outputs = units.map((n) => next(SIDE * SIDE * n));
  return frame;
}

/** The parts of one step by hand; each layer has z, a, da, slope, dz (units). */
export function readTrace(bytes, settings) {
  const all = new Float32Array(bytes);
  let at = 0;
  const next = (n) => all.subarray(at, (at += n));
  const trace = { inputs: next(settings.features.length), target: next(1)[0], loss: next(1)[0] };
  trace.layers = unitsOf(settings).map((n) => ({
    z: next(n), a: next(n), da: next(n), slope: next(n), dz: next(n),
  }));
  const count = (all.length - at) / 2;
  trace.gradients = next(count);
  trace.updated = next(count);
  return trace;
}

/** The share of points whose class the outputs have right. */
export function accuracy(outputs, points) {
  let right = 0;
  points.forEach(({ label }, i) => (right += outputs[i] > 0 === label > 0));
  return right / points.length;
}

/** The size of each layer's gradient. */
export function gradientNorms(frame, settings) {
  return layersOf(settings).map(({ weights, biases, units }) =>
    Math.hypot(...frame.gradients.subarray(weights, biases + units)));
}

/** An output as the pictures show it, in -1..1. */
export const shown = (settings, out) =>
  settings.loss === "cross_entropy" ? Math.tanh(out / 2) : Math.max(-1, Math.min(1, out));

/** A unit's output as its picture shows it; scale: the largest size of those that have no bound. */
export function shownUnit(settings, a, scale) {
  if (settings.activation === "sigmoid") return 2 * a - 1;
  return settings.activation === "tanh" || settings.activation === "sin" ? a : a / scale;
}
