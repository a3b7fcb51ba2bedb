// What the page's controls stand for: names, limits, defaults, and a link that holds them all.

export const DATA = {
  classification: { circle: "Circle", xor: "Exclusive or", gauss: "Two clouds", spiral: "Spiral" },
  regression: { plane: "Plane", hills: "Hills" },
  both: { drawn: "Drawn by hand", table: "A CSV file" },
};
export const FEATURES = {
  x1: { label: "x₁", code: "x1", of: (x) => x },
  x2: { label: "x₂", code: "x2", of: (_, y) => y },
  x1x1: { label: "x₁²", code: "x1 * x1", of: (x) => x * x },
  x2x2: { label: "x₂²", code: "x2 * x2", of: (_, y) => y * y },
  x1x2: { label: "x₁x₂", code: "x1 * x2", of: (x, y) => x * y },
  sinx1: { label: "sin x₁", code: "np.sin(x1)", of: (x) => Math.sin(x) },
  sinx2: { label: "sin x₂", code: "np.sin(x2)", of: (_, y) => Math.sin(y) },
};
// The engine knows activations, losses, optimizers and schedules by their places here.
export const ACTIVATIONS = {
  linear: "Linear", relu: "ReLU", sigmoid: "Sigmoid", tanh: "Tanh", gelu: "GELU", sin: "Sine",
};
export const LOSSES = {
  squared: "Squared error", cross_entropy: "Cross-entropy", absolute: "Absolute error",
};
const momentum = { label: "Momentum", value: 0, most: 0.999 };
const betas = (second) => ({
  beta1: { label: "β₁", value: 0.9, most: 0.9999 },
  beta2: { label: "β₂", value: second, most: 0.9999 },
});
// row: the engine's; numbers: what the page shows of an optimizer; decay: L2 may be "added" to the
// gradient, "decoupled" (it shrinks weights), or "no": not there; lr: a good rate to begin with.
export const OPTIMIZERS = {
  sgd: { label: "SGD", row: 0, lr: 0.03, decay: "added", numbers: { momentum } },
  nesterov: { label: "SGD, Nesterov", row: 0, lr: 0.03, decay: "added",
    numbers: { momentum: { ...momentum, value: 0.9, least: 0.001 } } },
  rmsprop: { label: "RMSprop", row: 1, lr: 0.01, decay: "added",
    numbers: { alpha: { label: "α", value: 0.99, most: 0.9999 }, momentum } },
  adagrad: { label: "Adagrad", row: 2, lr: 0.1, decay: "added",
    numbers: { lr_decay: { label: "Rate decay", value: 0, most: 1 } } },
  adam: { label: "Adam", row: 3, lr: 0.01, decay: "added", numbers: betas(0.999) },
  adamw: { label: "AdamW", row: 3, lr: 0.01, decay: "decoupled", numbers: betas(0.999) },
  nadam: { label: "NAdam", row: 4, lr: 0.01, decay: "added", numbers: betas(0.999) },
  lion: { label: "Lion", row: 5, lr: 0.001, decay: "decoupled", numbers: betas(0.99) },
  rprop: { label: "Rprop", row: 6, lr: 0.01, decay: "no",
    numbers: {
      etaminus: { label: "η−", value: 0.5, least: 0.01, most: 0.99 },
      etaplus: { label: "η+", value: 1.2, least: 1.01, most: 5 },
    } },
};
export const SCHEDULES = {
  constant: { label: "Constant" },
  steps: { label: "Steps", period: "Epochs a step", factor: "Factor" },
  exponential: { label: "Exponential", factor: "Factor an epoch" },
  cosine: { label: "Cosine", period: "Epochs to 0" },
  warmup: { label: "Warm-up", period: "Epochs", factor: "Begin at share" },
};
export const MOST_LAYERS = 6;
export const MOST_UNITS = 8;

// Numbers: [default, least, most, step of the field or 0 for any].
const NUMBERS = {
  noise: [0, 0, 50, 5], percent: [50, 10, 90, 10], seed: [1, 0, 999999, 1], batch: [10, 1, 200, 1],
  lr: [0.03, 0, 10, 0], l1: [0, 0, 1, 0], l2: [0, 0, 1, 0], dropout: [0, 0, 0.9, 0],
  period: [50, 1, 100000, 1], factor: [0.5, 0.001, 1, 0], speed: [1, 1, 1000, 0],
};
const SPEEDS = [1, 10, 100, 1000];
const CHOICES = {
  problem: ["classification", ["classification", "regression"]],
  data: ["circle", Object.values(DATA).flatMap(Object.keys)],
  activation: ["tanh", Object.keys(ACTIVATIONS)],
  loss: ["squared", Object.keys(LOSSES)],
  optimizer: ["sgd", Object.keys(OPTIMIZERS)],
  schedule: ["constant", Object.keys(SCHEDULES)],
};

/** A number that its field can show; otherwise, or the default, if it is none. */
export function bounded(name, given, otherwise = NUMBERS[name][0]) {
  const [, least, most, step] = NUMBERS[name];
  const number = given === "" || given === null ? NaN : Number(given);
  if (!Number.isFinite(number)) return otherwise;
  const inside = Math.max(least, Math.min(most, number));
  if (name === "speed") return SPEEDS.findLast((speed) => speed <= inside);
  return step ? least + step * Math.round((inside - least) / step) : inside;
}

/** The optimizer's own numbers at the start. */
export function ownNumbers(optimizer) {
  const entries = Object.entries(OPTIMIZERS[optimizer].numbers);
  return Object.fromEntries(entries.map(([name, { value }]) => [name, value]));
}

function defaults() {
  const first = ([value]) => value;
  return {
    ...Object.fromEntries(Object.entries(NUMBERS).map(([k, v]) => [k, first(v)])),
    ...Object.fromEntries(Object.entries(CHOICES).map(([k, v]) => [k, first(v)])),
    features: ["x1", "x2"],
    layers: [4, 2],
    own: ownNumbers("sgd"),
    drawn: "",
    hideTest: true,
    discrete: false,
  };
}

/** What fits no longer is put right: a data set of the other problem, cross-entropy of numbers. */
export function settled(settings) {
  const { problem } = settings;
  if (!(settings.data in DATA[problem]) && !(settings.data in DATA.both))
    settings.data = Object.keys(DATA[problem])[0];
  if (problem === "regression" && settings.loss === "cross_entropy") settings.loss = "squared";
  if (!settings.features.length) settings.features = ["x1"];
  const { numbers } = OPTIMIZERS[settings.optimizer];
  const own = ownNumbers(settings.optimizer);
  for (const [name, { least = 0, most }] of Object.entries(numbers)) {
    const given = settings.own[name];
    if (Number.isFinite(given)) own[name] = Math.max(least, Math.min(most, given));
  }
  settings.own = own;
  return settings;
}

/** The settings that differ from the defaults, as the text after # in a link. */
export function toHash(settings) {
  const base = defaults();
  const words = new URLSearchParams();
  for (const name of [...Object.keys(CHOICES), ...Object.keys(NUMBERS), "drawn"])
    if (settings[name] !== base[name]) words.set(name, settings[name]);
  for (const name of ["features", "layers"])
    if (settings[name].join() !== base[name].join()) words.set(name, settings[name].join(" "));
  for (const name of ["hideTest", "discrete"])
    if (settings[name] !== base[name]) words.set(name, Number(settings[name]));
  const own = ownNumbers(settings.optimizer);
  for (const [name, value] of Object.entries(settings.own))
    if (value !== own[name]) words.set(`own.${name}`, value);
  return words.toString();
}

/** The settings of such a text; what it has wrong or leaves out has its default. */
export function fromHash(text) {
  const words = new URLSearchParams(text.replace(/^#/, ""));
  const settings = defaults();
  for (const [name, [, names]] of Object.entries(CHOICES))
    if (names.includes(words.get(name))) settings[name] = words.get(name);
  for (const name of Object.keys(NUMBERS))
    if (words.has(name)) settings[name] = bounded(name, words.get(name));
  if (words.has("features"))
    settings.features = Object.keys(FEATURES).filter((f) => words.get("features").split(" ").includes(f));
  if (words.has("layers"))
    settings.layers = words.get("layers").split(" ").filter(Boolean).slice(0, MOST_LAYERS)
      .map((n) => Math.max(1, Math.min(MOST_UNITS, Math.round(Number(n)) || 1)));
  settings.drawn = words.get("drawn") ?? "";
  for (const name of ["hideTest", "discrete"])
    if (words.has(name)) settings[name] = words.get(name) === "1";
  settings.own = ownNumbers(settings.optimizer);
  for (const name of Object.keys(settings.own))
    if (words.has(`own.${name}`)) settings.own[name] = Number(words.get(`own.${name}`));
  return settled(settings);
}
