// Points to learn: made from a seed, drawn by hand, or two columns of a CSV file. A point is
// {x, y, label}; x and y lie in -6..6, a label is -1 or 1, or for regression a number in -1..1.

import { normal, shuffle, uniform } from "./random.js";

export const EDGE = 6; // the picture shows -EDGE..EDGE
const COUNT = 400;

const clip = (x, most) => Math.max(-most, Math.min(most, x));

function points(random, count, make) {
  return Array.from({ length: count }, (_, i) => make(i, random));
}

// noise: 0..0.5
const MAKERS = {
  circle(random, noise) {
    const at = (least, most) => {
      const radius = least + random() * (most - least);
      const angle = random() * 2 * Math.PI;
      return [radius * Math.sin(angle), radius * Math.cos(angle)];
    };
    return points(random, COUNT, (i) => {
      const [x, y] = i % 2 ? at(0, 2.5) : at(3.5, 5);
      const shift = () => (random() * 2 - 1) * 5 * noise;
      const inside = Math.hypot(x + shift(), y + shift()) < 3;
      return { x, y, label: inside ? 1 : -1 };
    });
  },
  xor(random, noise) {
    return points(random, COUNT, () => {
      const place = () => {
        const x = random() * 10 - 5;
        return x + (x > 0 ? 0.3 : -0.3);
      };
      const [x, y] = [place(), place()];
      const shift = () => (random() * 2 - 1) * 5 * noise;
      return { x, y, label: (x + shift()) * (y + shift()) >= 0 ? 1 : -1 };
    });
  },
  gauss(random, noise) {
    const draw = normal(random);
    const spread = 0.7 + 3 * noise;
    return points(random, COUNT, (i) => {
      const label = i % 2 ? 1 : -1;
      return { x: 2 * label + spread * draw(), y: 2 * label + spread * draw(), label };
    });
  },
  spiral(random, noise) {
    return points(random, COUNT, (i) => {
      const label = i % 2 ? 1 : -1;
      const part = Math.floor(i / 2) / (COUNT / 2);
      const angle = 1.75 * part * 2 * Math.PI + (label > 0 ? 0 : Math.PI);
      const shift = () => (random() * 2 - 1) * noise;
      return {
        x: 5 * part * Math.sin(angle) + shift(),
        y: 5 * part * Math.cos(angle) + shift(),
        label,
      };
    });
  },
  plane(random, noise) {
    return points(random, COUNT, () => {
      const [x, y] = [random() * 12 - EDGE, random() * 12 - EDGE];
      const shift = () => (random() * 2 - 1) * EDGE * noise;
      return { x, y, label: clip((x + shift() + y + shift()) / 10, 1) };
    });
  },
  hills(random, noise) {
    const centres = [[-4, 2.5, 1], [0, 2.5, -1], [4, 2.5, 1], [-4, -2.5, -1], [0, -2.5, 1], [4, -2.5, -1]];
    return points(random, COUNT, () => {
      const [x, y] = [random() * 12 - EDGE, random() * 12 - EDGE];
      const shift = () => (random() * 2 - 1) * EDGE * noise;
      const [u, v] = [x + shift(), y + shift()];
      const heights = centres.map(([a, b, sign]) => sign * Math.max(0, 1 - Math.hypot(u - a, v - b) / 2));
      return { x, y, label: heights.reduce((a, b) => (Math.abs(a) > Math.abs(b) ? a : b)) };
    });
  },
};

/** The points of a set, in random order; custom: those drawn by hand or read from a table. */
export function makePoints(settings, custom) {
  const random = uniform(settings.seed);
  const make = MAKERS[settings.data];
  return shuffle(make ? make(random, settings.noise / 100) : custom.slice(), random);
}

/** The first share of the points to train with, the others to test with; each has one at least. */
export function split(points, percent) {
  const n = clip(Math.round((points.length * percent) / 100), points.length - 1) || 1;
  return { train: points.slice(0, n), test: points.length > 1 ? points.slice(n) : points };
}

// ---- drawn by hand: three bytes a point, for the link ----

/** Points as text for a link. */
export function packPoints(list) {
  const byte = (x) => Math.round(((clip(x, EDGE) + EDGE) / (2 * EDGE)) * 255);
  const bytes = list.flatMap(({ x, y, label }) => [byte(x), byte(y), Math.round((label + 1) * 127)]);
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** The points of such a text; none if it is none. */
export function unpackPoints(text) {
  let bytes = "";
  try {
    bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  } catch {
    return [];
  }
  const number = (i) => (bytes.charCodeAt(i) / 255) * 2 * EDGE - EDGE;
  const list = [];
  for (let i = 0; i + 2 < bytes.length && list.length < 2000; i += 3)
    list.push({ x: number(i), y: number(i + 1), label: clip(bytes.charCodeAt(i + 2) / 127 - 1, 1) });
  return list;
}

// ---- a table ----

/** The rows of a CSV text, each a list of cells; a quoted cell may hold commas and line ends. */
export function readCsv(text) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  const end = () => {
    row.push(cell.trim());
    cell = "";
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ",") end();
    else if (c === "\n") {
      end();
      if (row.length > 1 || row[0]) rows.push(row);
      row = [];
    } else if (c !== "\r") cell += c;
  }
  end();
  if (row.length > 1 || row[0]) rows.push(row);
  return rows;
}

const MOST_ROWS = 2000;

/** A column stretched to -5..5, or null for cells that are no numbers. */
function stretched(cells) {
  const numbers = cells.map((cell) => (cell === "" ? NaN : Number(cell)));
  const good = numbers.filter(Number.isFinite);
  if (!good.length) return null;
  const [least, most] = [Math.min(...good), Math.max(...good)];
  const scale = most > least ? 10 / (most - least) : 0;
  return numbers.map((x) => (Number.isFinite(x) ? (x - least) * scale - 5 : NaN));
}

/**
 * Points of a table's columns. Classes: the first value found is -1, any other 1; numbers are
 * stretched to -1..1 for regression. Throws an Error that says what is wrong with the table.
 */
export function tablePoints(rows, x, y, target, problem) {
  const [names, ...body] = rows;
  const column = (name) => body.slice(0, MOST_ROWS).map((row) => row[names.indexOf(name)] ?? "");
  const [first, second] = [stretched(column(x)), stretched(column(y))];
  for (const [name, found] of [[x, first], [y, second]])
    if (!found) throw new Error(`${name}: expected a column of numbers`);
  const goal = column(target);
  const numbers = stretched(goal);
  if (problem === "regression" && !numbers)
    throw new Error(`${target}: expected numbers to learn in regression; choose classification`);
  const base = goal.find((cell) => cell !== "");
  const label = (i) => {
    if (goal[i] === "") return NaN;
    return problem === "regression" ? numbers[i] / 5 : goal[i] === base ? -1 : 1;
  };
  const found = goal
    .map((_, i) => ({ x: first[i], y: second[i], label: label(i) }))
    .filter((p) => Number.isFinite(p.x + p.y + p.label));
  if (found.length < 4) throw new Error("the table: expected four complete rows or more");
  return found;
}
