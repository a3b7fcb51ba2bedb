// The net: a column of inputs, one for each hidden layer, and lines as thick as their weights.

import { EDGE } from "./data.js";
import { layersOf, shownUnit, SIDE } from "./net.js";
import { fit, paint, theme } from "./picture.js";
import { FEATURES, MOST_LAYERS, MOST_UNITS } from "./settings.js";

const at = (i) => ((i + 0.5) / SIDE) * 2 * EDGE - EDGE;

function element(tag, options = {}, ...children) {
  const made = Object.assign(document.createElement(tag), options);
  made.append(...children);
  return made;
}

function button(text, label, press, disabled = false) {
  const made = element("button", { type: "button", textContent: text, disabled, onclick: press });
  made.setAttribute("aria-label", label);
  made.title = label;
  return made;
}

export class Diagram {
  /** change(what): settings have changed; pin(unit): show {layer, unit}, or null, in the large picture. */
  constructor(root, lines, { change, pin }) {
    Object.assign(this, { root, lines, change, pin, pinned: null });
  }

  /** Build the columns anew for these settings. */
  build(settings) {
    this.settings = settings;
    this.pinned = null;
    const focus = this.root.contains(document.activeElement)
      ? document.activeElement.getAttribute("aria-label")
      : null;
    this.root.replaceChildren(
      this.inputs(settings),
      ...settings.layers.map((units, layer) => this.layer(settings, units, layer)),
    );
    this.paintInputs();
    if (focus) this.focusOn(this.root.querySelector(`[aria-label="${CSS.escape(focus)}"]`));
  }

  /** Who pressed a button by keys goes on from it, or from its neighbour if it can do no more. */
  focusOn(node) {
    if (node?.disabled) [...node.parentElement.querySelectorAll("button")].find((b) => !b.disabled)?.focus();
    else node?.focus();
  }

  inputs(settings) {
    const nodes = Object.entries(FEATURES).map(([name, { label }]) => {
      const on = settings.features.includes(name);
      const node = element("button", { type: "button", className: "unit input" },
        element("canvas", { width: SIDE, height: SIDE }), element("span", { textContent: label }));
      node.dataset.feature = name;
      node.setAttribute("aria-pressed", on);
      node.setAttribute("aria-label", `Input ${label}`);
      node.onclick = () => {
        const features = Object.keys(FEATURES).filter((f) => settings.features.includes(f) !== (f === name));
        if (features.length) this.change({ features });
      };
      return node;
    });
    return element("div", { className: "column" }, element("h3", { textContent: "Inputs" }), ...nodes);
  }

  layer(settings, units, layer) {
    const sized = (n) => settings.layers.map((old, i) => (i === layer ? n : old));
    const name = `Layer ${layer + 1}`;
    const nodes = Array.from({ length: units }, (_, unit) => {
      const node = element("button", { type: "button", className: "unit" },
        element("canvas", { width: SIDE, height: SIDE }));
      node.dataset.layer = layer;
      node.dataset.unit = unit;
      node.setAttribute("aria-pressed", false);
      node.setAttribute("aria-label", `${name}, unit ${unit + 1}: show it large`);
      node.onclick = () => this.choose(layer, unit);
      return node;
    });
    const head = element("div", { className: "counts" },
      button("−", `${name}: a unit less`, () => this.change({ layers: sized(units - 1) }), units <= 1),
      element("span", { textContent: `${units}`, ariaLabel: `${units} units` }),
      button("+", `${name}: a unit more`, () => this.change({ layers: sized(units + 1) }), units >= MOST_UNITS));
    return element("div", { className: "column" }, element("h3", { textContent: name }), head, ...nodes);
  }

  choose(layer, unit) {
    const same = this.pinned?.layer === layer && this.pinned?.unit === unit;
    this.pinned = same ? null : { layer, unit };
    for (const node of this.root.querySelectorAll("[data-unit]"))
      node.setAttribute("aria-pressed",
        !same && Number(node.dataset.layer) === layer && Number(node.dataset.unit) === unit);
    this.pin(this.pinned);
  }

  paintInputs() {
    for (const node of this.root.querySelectorAll("[data-feature]")) {
      const { of } = FEATURES[node.dataset.feature];
      const most = Math.max(...[0, SIDE - 1, 13, 12, 37].flatMap((i) => [0, SIDE - 1, 13, 12, 37].map((j) => Math.abs(of(at(i), at(j))))));
      paint(node.firstChild, (i) => of(at(i % SIDE), -at(Math.floor(i / SIDE))) / most, this.settings.discrete);
    }
  }

  /** Show a frame: the units' pictures, and the weights. */
  draw(frame) {
    for (const node of this.root.querySelectorAll("[data-unit]")) {
      const value = unitValue(this.settings, frame, Number(node.dataset.layer), Number(node.dataset.unit));
      paint(node.firstChild, value, this.settings.discrete);
    }
    this.drawLines(frame);
  }

  /** Where the middle of each shown node is, by column. */
  places() {
    const box = this.lines.getBoundingClientRect();
    const of = (node) => {
      const { left, right, top, bottom } = node.getBoundingClientRect();
      return { left: left - box.left, right: right - box.left, y: (top + bottom) / 2 - box.top };
    };
    const columns = [...this.root.querySelectorAll(".column")].map((column) =>
      [...column.querySelectorAll(".unit")].filter((n) => !n.dataset.feature || n.getAttribute("aria-pressed") === "true").map(of));
    columns.push([{ left: this.lines.clientWidth, y: columns[0].length ? columns[0][0].y : 0 }]);
    return columns;
  }

  /** No lines; returns where they are drawn. */
  clear() {
    const scale = fit(this.lines);
    const context = this.lines.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.lines.clientWidth, this.lines.clientHeight);
    this.drawn = [];
    return context;
  }

  drawLines(frame) {
    const context = this.clear();
    const places = this.places();
    layersOf(this.settings).forEach((layer, l) => {
      for (let i = 0; i < layer.inputs; i++)
        for (let j = 0; j < layer.units; j++) {
          const weight = frame.parameters[layer.weights + i * layer.units + j];
          this.drawLine(context, places[l][i], places[l + 1][j], weight);
          this.drawn.push({ from: places[l][i], to: places[l + 1][j], weight });
        }
    });
  }

  drawLine(context, from, to, weight) {
    const size = Math.abs(weight);
    context.strokeStyle = size < 1e-12 ? theme().line : weight < 0 ? theme().negative : theme().positive;
    const width = Math.max(0.4, Math.min(6, 1.6 * size));
    context.lineWidth = width;
    context.setLineDash(weight < 0 ? [3 + 2 * width, 2 + width] : []);
    context.beginPath();
    context.moveTo(from.right, from.y);
    const middle = (from.right + to.left) / 2;
    context.bezierCurveTo(middle, from.y, middle, to.y, to.left, to.y);
    context.stroke();
  }

  /** The weight whose line passes a point of the canvas, or null. */
  weightAt(x, y) {
    let best = null;
    let least = 6;
    for (const { from, to, weight } of this.drawn ?? []) {
      if (x < from.right || x > to.left) continue;
      const t = (x - from.right) / (to.left - from.right || 1);
      const eased = t * t * (3 - 2 * t);
      const distance = Math.abs(from.y + (to.y - from.y) * eased - y);
      if (distance < least) [least, best] = [distance, weight];
    }
    return best;
  }
}

/** What unit `unit` of a layer gives at place i of the grid, in -1..1. */
export function unitValue(settings, frame, layer, unit) {
  const units = settings.layers[layer];
  const outputs = frame.outputs[layer];
  let scale = 1e-9;
  if (!["tanh", "sigmoid", "sin"].includes(settings.activation))
    for (let i = unit; i < outputs.length; i += units) scale = Math.max(scale, Math.abs(outputs[i]));
  return (i) => shownUnit(settings, outputs[i * units + unit], scale);
}

export const canAddLayer = (settings) => settings.layers.length < MOST_LAYERS;
