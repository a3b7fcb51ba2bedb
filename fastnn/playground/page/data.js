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

/** The points of a set, in random order, as float32 has them, so that a saved table is exact;
 * custom: those drawn by hand or read from a table. */
export function makePoints(settings, custom) {
  const random = uniform(settings.seed);
  const make = MAKERS[settings.data];
  const made = make ? make(random, settings.noise / 100) : custom;
  const { fround } = Math;
  const list = made.map(({ x, y, label }) => ({ x: fround(x), y: fround(y), label: fround(label) }));
  return shuffle(list, random);
}

/** The first share of the points to train with, the others to test with; each has one at least. */
export function split(points, percent) {
  const n = clip(Math.round((points.length * percent) / 100), points.length - 1) || 1;
  return { train: points.slice(0, n), test: points.length > 1 ? points.slice(n) : points };
}

// ---- drawn by hand: three bytes a point, for the link ----

const MOST_DRAWN = 2000;
const PLACES = 20; // in a unit of the picture: a link holds each exactly

/** The nearest place that a link can hold. */
export const toPlace = (x) => Math.round(clip(x, EDGE) * PLACES) / PLACES;

/** Points as text for a link. */
export function packPoints(list) {
  const byte = (x) => Math.round((clip(x, EDGE) + EDGE) * PLACES);
  const bytes = list.slice(0, MOST_DRAWN).flatMap(({ x, y, label }) => [byte(x), byte(y), Math.round((label + 1) * 127)]);
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
  const number = (i) => toPlace(bytes.charCodeAt(i) / PLACES - EDGE);
  const list = [];
  for (let i = 0; i + 2 < bytes.length && list.length < MOST_DRAWN; i += 3)
    list.push({ x: number(i), y: number(i + 1), label: clip(bytes.charCodeAt(i + 2) / 127 - 1, 1) });
  return list;
}

// ---- a table ----

/** A file's text, from UTF-8 or from UTF-16 that says so. */
export function decode(bytes) {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  const name = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(name, { fatal: true }).decode(bytes);
  } catch {
    throw new Error("expected text in UTF-8");
  }
}

/** What separates the cells: a comma, a semicolon or a tab, whichever the header has most of. */
function separatorOf(text) {
  const header = text.slice(0, Math.max(text.indexOf("\n"), 0) || text.length).replace(/"[^"]*"/g, "");
  const count = (c) => header.split(c).length;
  return [",", ";", "\t"].reduce((a, b) => (count(b) > count(a) ? b : a));
}

/**
 * The rows of a CSV text, each a list of cells; a quoted cell may hold separators and line ends.
 * Throws an Error unless there are a header, three columns and four rows.
 */
export function readCsv(given) {
  const text = given.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const separator = separatorOf(text);
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
    } else if (c === '"' && !cell.trim()) quoted = true;
    else if (c === separator) end();
    else if (c === "\n") {
      end();
      if (row.length > 1 || row[0]) rows.push(row);
      row = [];
    } else cell += c;
  }
  end();
  if (row.length > 1 || row[0]) rows.push(row);
  if ((rows[0] ?? []).length < 3 || rows.length < 5)
    throw new Error("expected a header, three columns and four rows or more");
  return rows;
}

const MOST_ROWS = 2000;
const NUMBER = /^[-+]?(\d+[.,]?\d*|[.,]\d+)(e[-+]?\d+)?$/i;

/** A column stretched to -5..5, one that is all the same to 0; null if none of its cells is a number. */
function stretched(cells) {
  const numbers = cells.map((cell) => (NUMBER.test(cell) ? Number(cell.replace(",", ".")) : NaN));
  const good = numbers.filter(Number.isFinite);
  if (!good.length) return null;
  const [least, most] = [Math.min(...good), Math.max(...good)];
  const half = most / 2 - least / 2; // halves: the difference of two large numbers is finite
  return numbers.map((x) => (Number.isFinite(x) ? (half ? ((x / 2 - least / 2) / half) * 10 - 5 : 0) : NaN));
}

/**
 * Points of a table's columns, given by their places. Classes: the first value found is -1, any
 * other 1; numbers are stretched to -1..1 for regression. Returns the points, and in words what
 * they are. Throws an Error that says what is wrong with the table.
 */
export function tablePoints({ rows, x, y, target }, problem) {
  const [names, ...body] = rows;
  const called = (at) => names[at] || `column ${at + 1}`;
  const column = (at) => body.slice(0, MOST_ROWS).map((row) => row[at] ?? "");
  const [first, second] = [stretched(column(x)), stretched(column(y))];
  for (const [at, found] of [[x, first], [y, second]])
    if (!found) throw new Error(`${called(at)}: expected a column of numbers`);
  const goal = column(target);
  const numbers = stretched(goal);
  if (problem === "regression" && !numbers)
    throw new Error(`${called(target)}: expected numbers to learn in regression; choose classification`);
  const base = goal.find((cell) => cell !== "");
  const label = (i) => {
    if (goal[i] === "") return NaN;
    return problem === "regression" ? numbers[i] / 5 : goal[i] === base ? -1 : 1;
  };
  const points = goal
    .map((_, i) => ({ x: first[i], y: second[i], label: label(i) }))
    .filter((p) => Number.isFinite(p.x + p.y + p.label));
  if (points.length < 4) throw new Error("the table: expected four complete rows or more");
  const kinds = [...new Set(goal.filter((cell) => cell !== "" && cell !== base))];
  const others = kinds.length > 3 ? "every other" : kinds.join(", ") || "none";
  const signs = problem === "regression" ? "" : ` ${called(target)}: ${base} is negative; positive: ${others}.`;
  return { points, words: `${points.length.toLocaleString("en")} of ${body.length.toLocaleString("en")} rows.${signs}` };
}
