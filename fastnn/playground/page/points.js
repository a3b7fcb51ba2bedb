// Points drawn by hand, with a pointer or by keys, and the weight that is pointed at.

import { EDGE, packPoints, toPlace } from "./data.js";

const $ = (id) => document.getElementById(id);
const STEP = 0.5;

export function bindPoints(page) {
  const field = $("field");
  const cursor = { x: 0, y: 0 };
  const isDrawing = () => page.settings.data === "drawn";

  const keep = (points) => {
    page.custom.drawn = points;
    return page.change({ drawn: points.length ? packPoints(points) : "" });
  };
  const add = (x, y) => {
    const label = Number(document.querySelector('input[name="label"]:checked').value);
    keep([...page.custom.drawn, { x: toPlace(x), y: toPlace(y), label }]);
  };

  field.addEventListener("click", (event) => {
    if (!isDrawing()) return;
    const box = field.getBoundingClientRect();
    const u = (event.clientX - box.left) / box.width;
    const v = (event.clientY - box.top) / box.height;
    add((2 * u - 1) * EDGE, (1 - 2 * v) * EDGE);
  });
  field.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!isDrawing() || !(move || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
    if (!move) return add(cursor.x, cursor.y);
    cursor.x = Math.max(-EDGE, Math.min(EDGE, cursor.x + STEP * move[0]));
    cursor.y = Math.max(-EDGE, Math.min(EDGE, cursor.y + STEP * move[1]));
    page.view.cursor = cursor;
    page.redraw();
    page.say(`Place ${cursor.x}, ${cursor.y}`);
  });
  field.addEventListener("blur", () => {
    page.view.cursor = null;
    page.redraw();
  });
  $("undo").onclick = () => keep(page.custom.drawn.slice(0, -1));
  $("clear").onclick = () => keep([]);

  const hint = $("weight").innerHTML;
  $("diagram").addEventListener("pointermove", (event) => {
    const box = $("lines").getBoundingClientRect();
    const weight = page.diagram.weightAt(event.clientX - box.left, event.clientY - box.top);
    if (weight === null) $("weight").innerHTML = hint;
    else $("weight").textContent = `Weight ${weight.toPrecision(4)}`;
  });
}
