// What the page shows of a frame: numbers, the large picture, curves.

import { drawCurves, drawHistograms, History } from "./charts.js";
import { EDGE } from "./data.js";
import { unitValue } from "./diagram.js";
import { accuracy, gradientNorms, shown } from "./net.js";
import { fit, paint, paintPoints, theme } from "./picture.js";

const $ = (id) => document.getElementById(id);
const percent = (x) => `${(100 * x).toFixed(1)}%`;
const number = (x) => (Number.isFinite(x) ? x.toPrecision(4) : "not finite");

export class View {
  constructor(page) {
    this.page = page;
    this.pinned = null;
    this.cursor = null;
    this.losses = new History();
    this.norms = new History();
    this.beats = [];
  }

  clear() {
    this.pinned = null;
    this.losses.clear();
    this.norms.clear();
  }

  pin(unit) {
    this.pinned = unit;
    this.draw();
    this.describe();
  }

  /** Remember a frame for the curves. */
  note(frame) {
    this.losses.add(frame.step, [frame.trainLoss, frame.testLoss]);
    if (frame.step) this.norms.add(frame.step, gradientNorms(frame, this.page.shownSettings));
  }

  playing(on) {
    $("play").textContent = on ? "Pause" : "Train";
    $("play").setAttribute("aria-pressed", on);
    this.beats = [];
    $("fps").textContent = "–";
    this.describe();
  }

  /** A frame was drawn: how many a second. */
  beat() {
    const now = performance.now();
    this.beats.push(now);
    while (this.beats[0] < now - 1000) this.beats.shift();
    const spent = now - this.beats[0];
    if (spent > 200 && this.page.playing) $("fps").textContent = Math.round((1000 * (this.beats.length - 1)) / spent);
  }

  draw() {
    const { frame, shownSettings: settings, points } = this.page;
    if (!settings) return;
    this.drawField();
    drawCurves($("losses"), this.losses, ["training", "test"]);
    drawCurves($("norms"), this.norms, this.names());
    for (const part of document.querySelectorAll(".rights")) part.hidden = settings.problem !== "classification";
    if (!frame) {
      drawHistograms($("histograms"), [], this.names());
      this.page.diagram.clear();
      for (const id of ["losses", "norms", "histograms"]) $(id).setAttribute("aria-label", "No net yet");
      $("field").setAttribute("aria-label", `${this.how()}No net yet`);
      for (const id of ["train-loss", "test-loss", "train-right", "test-right", "rate"]) $(id).textContent = "–";
      for (const id of ["epoch", "steps"]) $(id).textContent = "0";
      return;
    }
    this.page.diagram.draw(frame);
    drawHistograms($("histograms"), frame.histograms, this.names());
    $("epoch").textContent = frame.epoch.toLocaleString("en");
    $("steps").textContent = frame.step.toLocaleString("en");
    $("rate").textContent = Number(frame.rate.toPrecision(3));
    $("train-loss").textContent = number(frame.trainLoss);
    $("test-loss").textContent = number(frame.testLoss);
    const right = (out, list) => (frame.status ? "–" : percent(accuracy(out, list))); // 0: all is finite
    $("train-right").textContent = right(frame.onTrain, points.train);
    $("test-right").textContent = right(frame.onTest, points.test);
    if (!this.page.playing) this.describe();
  }

  names() {
    return [...this.page.shownSettings.layers.map((_, l) => `layer ${l + 1}`), "output"];
  }

  drawField() {
    const { frame, shownSettings: settings, points } = this.page;
    const canvas = $("field");
    fit(canvas);
    canvas.height = canvas.width;
    const context = canvas.getContext("2d");
    context.fillStyle = theme().middle;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (frame?.outputs) {
      const out = frame.outputs.at(-1);
      const value = this.pinned
        ? unitValue(settings, frame, this.pinned.layer, this.pinned.unit)
        : (i) => shown(settings, out[i]);
      paint(canvas, value, settings.discrete);
    }
    const list = points ?? { train: this.page.custom[settings.data] ?? [], test: [] };
    if (!settings.hideTest) paintPoints(canvas, list.test, true);
    paintPoints(canvas, list.train);
    if (this.cursor) this.drawCursor(context, canvas.width);
  }

  drawCursor(context, size) {
    const [u, v] = [((this.cursor.x + EDGE) / (2 * EDGE)) * size, ((EDGE - this.cursor.y) / (2 * EDGE)) * size];
    context.strokeStyle = theme().text;
    context.lineWidth = Math.max(2, size / 250);
    context.strokeRect(u - size / 40, v - size / 40, size / 20, size / 20);
  }

  /** How points are drawn by keys, where they can be. */
  how() {
    return this.page.settings.data === "drawn" ? "Arrow keys move, Enter adds a point. " : "";
  }

  /** The pictures in words, for who does not see them; not at every frame. */
  describe() {
    const { frame, shownSettings: settings } = this.page;
    if (!frame || !settings) return;
    const what = this.pinned ? `Unit ${this.pinned.unit + 1} of layer ${this.pinned.layer + 1}` : "Output";
    $("out-title").textContent = what;
    const right = settings.problem === "classification" ? `, ${$("test-right").textContent} of the test points right` : "";
    $("field").setAttribute("aria-label", `${this.how()}${what} for each place${this.pinned ? "" : right}`);
    $("losses").setAttribute("aria-label", `Loss after ${frame.step} steps: training ${number(frame.trainLoss)}, test ${number(frame.testLoss)}`);
    const norms = gradientNorms(frame, settings).map((x, l) => `${this.names()[l]} ${number(x)}`);
    $("norms").setAttribute("aria-label", `Size of each layer's gradient: ${norms.join(", ")}`);
    const ranges = frame.histograms.map(({ least, most }, l) => `${this.names()[l]} from ${number(least)} to ${number(most)}`);
    $("histograms").setAttribute("aria-label", `Activations: ${ranges.join(", ")}`);
  }
}
