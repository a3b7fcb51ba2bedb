// Curves and bars on canvases. Series differ by colour and by dashes, and each has its name beside.

import { BINS } from "./net.js";
import { fit, theme } from "./picture.js";

const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
const MOST_POINTS = 600;

const short = (x) => (x === 0 ? "0" : Math.abs(x) < 0.001 || Math.abs(x) >= 1e4 ? x.toExponential(0) : String(Number(x.toPrecision(3))));

/** What a chart remembers: values by step. When there are many, every second one is dropped. */
export class History {
  constructor() {
    this.clear();
  }

  clear() {
    this.steps = [];
    this.rows = [];
    this.every = 1;
    this.seen = 0;
  }

  add(step, values) {
    if (this.seen++ % this.every) return;
    this.steps.push(step);
    this.rows.push(values);
    if (this.steps.length < MOST_POINTS) return;
    this.every *= 2;
    this.steps = this.steps.filter((_, i) => i % 2 === 0);
    this.rows = this.rows.filter((_, i) => i % 2 === 0);
  }
}

function frameOf(canvas) {
  const scale = fit(canvas);
  const context = canvas.getContext("2d");
  const [width, height] = [canvas.width / scale, canvas.height / scale];
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  return { context, width, height };
}

/** Curves of a history on a logarithmic scale; names: of its series. */
export function drawCurves(canvas, history, names) {
  const { context, width, height } = frameOf(canvas);
  const colours = theme();
  const left = 40, right = 84, top = 8, bottom = 18;
  const values = history.rows.flat().filter((x) => Number.isFinite(x) && x > 0);
  const most = Math.log10(Math.max(...values, 1e-12)) + 0.05;
  const least = Math.max(most - 8, Math.log10(Math.min(...values, 1))) - 0.05;
  const lowest = values.length ? Math.min(least, most - 0.3) : -1;
  const highest = values.length ? most : 0;
  const y = (v) => top + ((highest - Math.log10(Math.max(v, 1e-30))) / (highest - lowest)) * (height - top - bottom);
  const last = history.steps.at(-1) || 1;
  const x = (step) => left + (step / last) * (width - left - right);
  context.strokeStyle = colours.line;
  context.fillStyle = colours.muted;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.textAlign = "right";
  const ticks = Math.max(1, Math.ceil((highest - lowest) / 4));
  const exact = highest - lowest < 1;
  const marks = exact ? [lowest + 0.05, (lowest + highest) / 2, highest - 0.05] : [];
  for (let p = Math.ceil(lowest); !exact && p <= highest; p += ticks) marks.push(p);
  for (const p of marks) {
    context.beginPath();
    context.moveTo(left, y(10 ** p));
    context.lineTo(width - right, y(10 ** p));
    context.stroke();
    context.fillText(short(10 ** p), left - 4, y(10 ** p) + 4);
  }
  context.fillText(`step ${short(last)}`, width - right, height - 4);
  if (history.rows.length) drawSeries(context, history, names, { x, y, width, right, top, height, bottom });
}

function drawSeries(context, history, names, { x, y, width, right, top, height, bottom }) {
  const colours = theme();
  context.save();
  const placed = names
    .map((name, k) => ({ name, k, at: y(history.rows.at(-1)[k]) }))
    .sort((a, b) => a.at - b.at);
  const room = Math.min(12, (height - top) / names.length);
  placed.forEach((label, i) => {
    label.at = Math.max(label.at + 4, i ? placed[i - 1].at + room : top + 8);
  });
  const over = Math.max(0, (placed.at(-1)?.at ?? 0) - (height - bottom + 8));
  for (const { name, k, at } of placed) {
    context.strokeStyle = colours[`series${(k % 4) + 1}`];
    context.lineWidth = 1.5;
    context.setLineDash(DASHES[Math.floor(k / 4 + k) % 4]);
    context.beginPath();
    history.rows.forEach((row, i) => context.lineTo(x(history.steps[i]), Math.min(y(row[k]), height - bottom)));
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = context.strokeStyle;
    context.textAlign = "left";
    context.fillText(name, width - right + 5, at - over);
  }
  context.restore();
}

/** A histogram for each layer, side by side. */
export function drawHistograms(canvas, histograms, names) {
  const { context, width, height } = frameOf(canvas);
  const colours = theme();
  const rows = Math.ceil(names.length / 4);
  const columns = Math.ceil(names.length / rows);
  const [w, h] = [width / columns, height / rows];
  histograms.forEach(({ least, most, bins }, k) => {
    const left = (k % columns) * w + 6;
    const top = Math.floor(k / columns) * h;
    const peak = Math.max(...bins, 1);
    const [inner, tall] = [w - 12, h - 34];
    context.fillStyle = colours.series1;
    for (let i = 0; i < BINS; i++) {
      const size = (bins[i] / peak) * tall;
      context.fillRect(left + (i * inner) / BINS, top + 18 + tall - size, inner / BINS - 0.5, size);
    }
    context.fillStyle = colours.text;
    context.textAlign = "left";
    context.fillText(names[k], left, top + 12);
    context.fillStyle = colours.muted;
    context.fillText(short(least), left, top + h - 3);
    context.textAlign = "right";
    context.fillText(short(most), left + inner, top + h - 3);
  });
}
