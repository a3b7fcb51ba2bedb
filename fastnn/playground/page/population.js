// Nine nets side by side: the same settings but for one, trained along with the large one.

import { accuracy, describe, readFrame, shown, SIDE } from "./net.js";
import { paint } from "./picture.js";
import { MOST_UNITS } from "./settings.js";

const RATES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

// What differs: its name, the settings of net k, and its caption.
export const VARIED = {
  seed: { label: "First weights", of: (s, k) => ({ seed: s.seed + k }), caption: (s) => `seed ${s.seed}` },
  lr: {
    label: "Learning rate",
    of: (s, k) => ({ lr: Number((s.lr * RATES[k]).toPrecision(3)) }),
    caption: (s) => `rate ${s.lr}`,
  },
  width: {
    label: "Units a layer",
    of: (s, k) => ({ layers: s.layers.map((n) => Math.max(1, Math.min(MOST_UNITS, n + k - 4))) }),
    caption: (s) => `${s.layers.join("-") || "no"} units`,
  },
  batch: { label: "Batch", of: (_, k) => ({ batch: 2 ** k }), caption: (s) => `batch ${s.batch}` },
  l2: {
    label: "L2",
    of: (_, k) => ({ l2: k ? 0.0001 * 4 ** (k - 1) : 0 }),
    caption: (s) => `L2 ${Number(s.l2.toPrecision(2))}`,
  },
};

export class Population {
  constructor(root, engine) {
    Object.assign(this, { root, engine, nets: [], points: null, made: 0 });
  }

  /** Begin anew with nine nets; the points stay the same for all. */
  async begin(settings, points, varied) {
    const made = ++this.made; // before anything is awaited: whoever begins last wins
    await this.drop();
    const nets = [];
    for (let k = 0; k < 9 && made === this.made; k++) {
      const own = { ...settings, ...VARIED[varied].of(settings, k) };
      const { numbers, data } = describe(own, points);
      nets.push({ settings: own, id: await this.engine.create(numbers, data) });
    }
    if (made !== this.made) return void nets.forEach(({ id }) => this.engine.free(id));
    this.nets = nets;
    this.points = points;
    this.root.replaceChildren(...nets.map((net) => {
      const figure = document.createElement("figure");
      net.canvas = Object.assign(document.createElement("canvas"), { width: 2 * SIDE, height: 2 * SIDE });
      net.canvas.setAttribute("role", "img");
      net.caption = document.createElement("figcaption");
      figure.append(net.canvas, net.caption);
      net.title = VARIED[varied].caption(net.settings);
      return figure;
    }));
    await this.advance(0);
  }

  end() {
    this.made++; // nets on their way are dropped when they come
    return this.drop();
  }

  /** No nets, no pictures. */
  clear() {
    this.root.replaceChildren();
    return this.end();
  }

  /** Show the nets in two colours, or in all. */
  look(discrete) {
    for (const net of this.nets) {
      net.settings.discrete = discrete;
      if (net.frame) this.draw(net, net.frame);
    }
  }

  async drop() {
    const old = this.nets;
    this.nets = [];
    for (const { id } of old) await this.engine.free(id);
  }

  /** So many steps of all nine, and their pictures. */
  async advance(steps) {
    const { nets } = this;
    const asked = nets.map(({ id }) => this.engine.frame(id, steps, true));
    const frames = await Promise.all(asked).catch((error) => {
      if (nets === this.nets) throw error; // else they are no longer there
    });
    if (nets !== this.nets) return;
    nets.forEach((net, k) => this.draw(net, readFrame(frames[k], net.settings, this.points)));
  }

  draw(net, frame) {
    net.frame = frame;
    const out = frame.outputs.at(-1);
    paint(net.canvas, (i) => shown(net.settings, out[i]), net.settings.discrete);
    const right = net.settings.problem === "classification"
      ? `, ${Math.round(100 * accuracy(frame.onTest, this.points.test))}% right` : "";
    const loss = frame.status ? "loss is not finite" : `test ${frame.testLoss.toPrecision(3)}`;
    net.caption.textContent = `${net.title}: ${loss}${right}`;
    net.canvas.setAttribute("aria-label", `Output of the net with ${net.caption.textContent}`);
  }
}
