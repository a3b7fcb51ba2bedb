// The net as a program: PyTorch or fastnn, which read alike.

import { FEATURES } from "./settings.js";

const LAYERS = { relu: "nn.ReLU()", sigmoid: "nn.Sigmoid()", tanh: "nn.Tanh()", gelu: "nn.GELU()", sin: "Sine()" };
const LOSSES = { squared: "nn.MSELoss()", cross_entropy: "nn.BCEWithLogitsLoss()", absolute: "nn.L1Loss()" };

function model({ features, layers, activation, dropout }) {
  const widths = [features.length, ...layers, 1];
  const lines = widths.slice(1).flatMap((units, l) => {
    const line = [`nn.Linear(${widths[l]}, ${units})`];
    if (l === layers.length) return line;
    if (LAYERS[activation]) line.push(LAYERS[activation]);
    if (dropout > 0) line.push(`nn.Dropout(${dropout})`);
    return line;
  });
  return `model = nn.Sequential(\n${lines.map((line) => `    ${line},\n`).join("")})`;
}

function optimizer(settings, torch) {
  const { own, lr, l1, l2 } = settings;
  const args = ["model.parameters()", `lr=${lr}`];
  const betas = `betas=(${own.beta1}, ${own.beta2})`;
  const name = {
    sgd: "SGD", nesterov: "SGD", rmsprop: "RMSprop", adagrad: "Adagrad", adam: "Adam",
    adamw: "AdamW", nadam: "NAdam", lion: "Lion", rprop: "Rprop",
  }[settings.optimizer];
  if ("alpha" in own) args.push(`alpha=${own.alpha}`);
  if (own.momentum > 0) args.push(`momentum=${own.momentum}`);
  if (settings.optimizer === "nesterov") args.push("nesterov=True");
  if ("lr_decay" in own) args.push(`lr_decay=${own.lr_decay}`);
  if ("beta1" in own) args.push(betas);
  if ("etaplus" in own) args.push(`etas=(${own.etaminus}, ${own.etaplus})`);
  else if (l2 > 0 || settings.optimizer === "adamw") args.push(`weight_decay=${l2}`);
  if (l1 > 0 && !torch) args.push(`l1=${l1}`);
  return `optimizer = optim.${name}(${args.join(", ")})`;
}

function schedule({ schedule: name, period, factor }) {
  const call = {
    steps: `StepLR(optimizer, ${period}, gamma=${factor})`,
    exponential: `ExponentialLR(optimizer, ${factor})`,
    cosine: `CosineAnnealingLR(optimizer, ${period})`,
    warmup: `LinearLR(optimizer, start_factor=${factor}, total_iters=${period})`,
  }[name];
  return call ? `schedule = optim.lr_scheduler.${call}` : null;
}

const SINE = (module) => `class Sine(nn.Module):
    def forward(self, x):
        return ${module}.sin(x)`;

// What an optimizer of fastnn does by itself.
const L1 = (l1) => `        with torch.no_grad():  # L1: each weight shrinks by lr * ${l1}
            for p in model.parameters():
                lr = optimizer.param_groups[0]["lr"]
                p.copy_(p.sign() * (p.abs() - lr * ${l1}).clamp(min=0))`;

/** The page's first weights and its order of the rows: mulberry32, and the engine's shuffle by
 * splitmix64 (_core/src/loop.c). */
const PAGE = ({ seed, dropout }, library) => `# First weights and the order of the rows are the page's, so that the losses are${dropout > 0 ? `
# but for dropout, which draws its own` : ""}.
def uniform(state):
    while True:
        state = state + 0x6D2B79F5 & 0xFFFFFFFF
        t = (state ^ state >> 15) * (state | 1) & 0xFFFFFFFF
        t = t ^ t + (t ^ t >> 7) * (t | 61) & 0xFFFFFFFF
        yield (t ^ t >> 14) / 2**32

def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & 2**64 - 1
    z = (z ^ z >> 27) * 0x94D049BB133111EB & 2**64 - 1
    return z ^ z >> 31

def order_of(epoch):
    rows = list(range(len(x)))
    state = mix(${seed} + 0x9E3779B97F4A7C15) ^ mix(epoch * 0xD1342543DE82EF95 + 1 & 2**64 - 1)
    for i in range(len(x), 1, -1):
        state = state + 0x9E3779B97F4A7C15 & 2**64 - 1
        j = mix(state) * i >> 64
        rows[j], rows[i - 1] = rows[i - 1], rows[j]
    return rows

draw = uniform(${seed} * 7919 + 17)
for layer in model:
    if isinstance(layer, nn.Linear):
        n, m = layer.in_features, layer.out_features
        first = [(2 * next(draw) - 1) / n**0.5 for _ in range((n + 1) * m)]
        with ${library}.no_grad():
            layer.weight.copy_(${library}.tensor(first[:-m]).reshape(n, m).T)
            layer.bias.copy_(${library}.tensor(first[-m:]))
`;

/** The program that trains this net on playground.csv; library: "fastnn" or "torch". */
export function codeOf(settings, library) {
  const torch = library === "torch";
  if (torch && settings.optimizer === "lion") return "# torch.optim has no Lion: choose another optimizer, or fastnn.";
  const inputs = settings.features.map((name) => FEATURES[name].code).join(", ");
  const target = settings.loss === "cross_entropy" ? "label > 0" : "label";
  const steps = schedule(settings);
  const tensor = `${library}.tensor`;
  return [
    `import numpy as np`,
    `import ${library}`,
    `from ${library} import nn, optim`,
    ``,
    ...(settings.dropout > 0 ? [`${library}.manual_seed(${settings.seed})`] : []),
    `x1, x2, label, part = np.loadtxt("playground.csv", delimiter=",", skiprows=1, unpack=True)`,
    `inputs = np.stack([${inputs}], axis=1).astype(np.float32)`,
    `target = np.float32(${target})[:, None]`,
    `train, test = part == 0, part == 1`,
    `x, y = ${tensor}(inputs[train]), ${tensor}(target[train])`,
    ``,
    ...(settings.activation === "sin" && settings.layers.length ? [SINE(library), ``] : []),
    model(settings),
    optimizer(settings, torch),
    ...(steps ? [steps] : []),
    `loss = ${LOSSES[settings.loss]}`,
    ``,
    PAGE(settings, library),
    `for epoch in range(100):`,
    `    for rows in np.split(order_of(epoch), range(${settings.batch}, len(x), ${settings.batch})):`,
    `        optimizer.zero_grad()`,
    `        loss(model(x[rows]), y[rows]).backward()`,
    `        optimizer.step()`,
    ...(torch && settings.l1 > 0 ? [L1(settings.l1)] : []),
    ...(steps ? [`    schedule.step()`] : []),
    ``,
    `model.eval()`,
    `with ${library}.no_grad():`,
    `    error = loss(model(${tensor}(inputs[test])), ${tensor}(target[test])).item()`,
    `print(f"test loss {error:.6g}")`,
    ``,
  ].join("\n");
}

/** The points as a table: part 0 to train, 1 to test. */
export function csvOf({ train, test }) {
  const line = (part) => ({ x, y, label }) => `${Math.fround(x)},${Math.fround(y)},${Math.fround(label)},${part}`;
  return ["x1,x2,label,part", ...train.map(line(0)), ...test.map(line(1)), ""].join("\n");
}
