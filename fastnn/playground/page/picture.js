// Pictures: what a unit gives for each place, as colours, and the points over it.

import { EDGE } from "./data.js";
import { SIDE } from "./net.js";

const STEPS = 256;
let palette = null; // STEPS colours as bytes, from -1 to 1
let colours = null;

const channels = (text) => text.match(/[\da-f]{2}/gi).map((part) => parseInt(part, 16));

/** Read the colours of the theme in use; to be called again when it changes. */
export function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const names = ["negative", "middle", "positive", "line", "text", "muted", "panel", "series1", "series2", "series3", "series4"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const [low, middle, high] = ["negative", "middle", "positive"].map((name) => channels(colours[name]));
  palette = new Uint8ClampedArray(4 * STEPS);
  for (let i = 0; i < STEPS; i++) {
    const x = (2 * i) / (STEPS - 1) - 1;
    const end = x < 0 ? low : high;
    for (let c = 0; c < 3; c++) palette[4 * i + c] = middle[c] + (end[c] - middle[c]) * Math.abs(x);
    palette[4 * i + 3] = 255;
  }
}

export const theme = () => colours;

/** The colour of a value in -1..1. */
function colourOf(value) {
  const i = 4 * placeOf(value);
  return `rgb(${palette[i]} ${palette[i + 1]} ${palette[i + 2]})`;
}

const placeOf = (value) =>
  Math.max(0, Math.min(STEPS - 1, Math.round(((value + 1) / 2) * (STEPS - 1)))) || 0;

const small = document.createElement("canvas");
small.width = small.height = SIDE;
const smallContext = small.getContext("2d", { willReadFrequently: false });
const image = smallContext.createImageData(SIDE, SIDE);

/** Fill a canvas with value(i), in -1..1, of each place i of the grid; discrete: two colours. */
export function paint(canvas, value, discrete = false) {
  const { data } = image;
  for (let i = 0; i < SIDE * SIDE; i++) {
    const x = value(i);
    const from = 4 * placeOf(discrete ? Math.sign(x) * 0.75 : x);
    data[4 * i] = palette[from];
    data[4 * i + 1] = palette[from + 1];
    data[4 * i + 2] = palette[from + 2];
    data[4 * i + 3] = 255;
  }
  smallContext.putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = !discrete;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/** A canvas as sharp as the screen, of the size it has on the page. */
export function fit(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth, clientHeight } = canvas;
  const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
  if (width && height && (canvas.width !== width || canvas.height !== height))
    Object.assign(canvas, { width, height });
  return scale;
}

/** Points over a picture: circles to train with, squares to test with; the border tells them from
 * the colour behind. */
export function paintPoints(canvas, points, square = false) {
  const context = canvas.getContext("2d");
  const size = canvas.width;
  const r = Math.max(2.5, size / 105);
  context.lineWidth = Math.max(1, size / 320);
  context.strokeStyle = colours.panel;
  for (const { x, y, label } of points) {
    const [u, v] = [((x + EDGE) / (2 * EDGE)) * size, ((EDGE - y) / (2 * EDGE)) * size];
    context.beginPath();
    if (square) context.rect(u - r, v - r, 2 * r, 2 * r);
    else context.arc(u, v, r, 0, 2 * Math.PI);
    context.fillStyle = colourOf(label);
    context.fill();
    context.stroke();
    if (label > 0) continue;
    context.beginPath(); // a dot marks the negative ones, for whom colours do not tell
    context.arc(u, v, r / 3, 0, 2 * Math.PI);
    context.fillStyle = colours.panel;
    context.fill();
  }
}
