// The fields of the settings: what they show and what a change of them does.

import { readCsv, tablePoints } from "./data.js";
import { VARIED } from "./population.js";
import { ACTIVATIONS, bounded, DATA, LOSSES, OPTIMIZERS, ownNumbers, SCHEDULES } from "./settings.js";

const $ = (id) => document.getElementById(id);
const NUMBERS = ["noise", "percent", "batch", "seed", "dropout", "lr", "l1", "l2", "period", "factor"];
const CHOICES = ["problem", "data", "activation", "loss", "schedule"];

function options(select, names) {
  select.replaceChildren(...Object.entries(names).map(([value, name]) =>
    Object.assign(document.createElement("option"), { value, textContent: name.label ?? name })));
}

class Controls {
  constructor(page) {
    this.page = page;
    this.rows = null; // of the table that was opened
    options($("activation"), ACTIVATIONS);
    options($("optimizer"), OPTIMIZERS);
    options($("schedule"), SCHEDULES);
    options($("varied"), VARIED);
    for (const name of NUMBERS)
      $(name).onchange = () => page.change({ [name]: bounded(name, $(name).value) });
    for (const name of ["noise", "percent"])
      $(name).oninput = () => ($(`${name}-value`).textContent = $(name).value);
    for (const name of CHOICES) $(name).onchange = () => this.choose(name, $(name).value);
    $("optimizer").onchange = () => {
      const optimizer = $("optimizer").value;
      page.change({ optimizer, own: ownNumbers(optimizer), lr: OPTIMIZERS[optimizer].lr });
    };
    $("speed").onchange = () => page.change({ speed: Number($("speed").value) }, false);
    for (const name of ["hideTest", "discrete"])
      $(name).onchange = () => {
        page.change({ [name]: $(name).checked }, false);
        page.diagram.paintInputs();
      };
    $("file").onchange = async () => {
      const [file] = $("file").files;
      if (file) await this.openTable(await file.text(), { table: file.name });
    };
    for (const part of ["x", "y", "target"])
      $(`column-${part}`).onchange = () => this.readTable();
    $("controls").addEventListener("submit", (event) => event.preventDefault());
  }

  choose(name, value) {
    const what = { [name]: value };
    if (name === "problem") what.loss = "squared";
    this.page.change(what);
    if (name === "problem" && this.page.settings.data === "table") this.readTable();
  }

  /** Show the settings in the fields, and the fields that they need. */
  show() {
    const { settings } = this.page;
    options($("data"), { ...DATA[settings.problem], ...DATA.both });
    const { cross_entropy, ...others } = LOSSES;
    options($("loss"), settings.problem === "regression" ? others : LOSSES);
    for (const name of [...NUMBERS, ...CHOICES, "optimizer", "speed"]) $(name).value = settings[name];
    for (const name of ["noise", "percent"]) $(`${name}-value`).textContent = settings[name];
    for (const name of ["hideTest", "discrete"]) $(name).checked = settings[name];
    $("drawing").hidden = settings.data !== "drawn";
    $("tables").hidden = settings.data !== "table";
    $("noise").disabled = settings.data in DATA.both;
    $("l2").disabled = OPTIMIZERS[settings.optimizer].decay === "no";
    const field = $("field");
    if (settings.data === "drawn") field.tabIndex = 0;
    else field.removeAttribute("tabindex");
    field.toggleAttribute("data-keys", settings.data === "drawn");
    this.showOwn(settings);
    for (const part of ["period", "factor"]) {
      const text = SCHEDULES[settings.schedule][part];
      $(`${part}-label`).hidden = !text;
      $(`${part}-label`).firstElementChild.textContent = text ?? "";
    }
  }

  /** The optimizer's own numbers; their fields stay while the optimizer does. */
  showOwn(settings) {
    const { numbers } = OPTIMIZERS[settings.optimizer];
    if ($("own").dataset.of !== settings.optimizer) {
      $("own").dataset.of = settings.optimizer;
      $("own").replaceChildren(...Object.entries(numbers).map(([name, { label, least = 0, most }]) => {
        const line = document.createElement("label");
        const input = Object.assign(document.createElement("input"),
          { type: "number", id: `own-${name}`, min: least, max: most, step: "any" });
        input.onchange = () => {
          const own = { ...this.page.settings.own, [name]: input.value === "" ? NaN : Number(input.value) };
          this.page.change({ own });
        };
        line.append(`${label} `, input);
        return line;
      }));
    }
    for (const name of Object.keys(numbers)) $(`own-${name}`).value = settings.own[name];
  }

  /** Take a CSV text; chosen: the columns to begin with, else the first two and the last. */
  async openTable(text, chosen) {
    const rows = readCsv(text);
    const names = rows[0] ?? [];
    if (names.length < 3 || rows.length < 5)
      return this.page.say(`${chosen.table}: expected a header, three columns and four rows or more`);
    this.rows = rows;
    for (const [part, at] of [["x", 0], ["y", 1], ["target", names.length - 1]]) {
      options($(`column-${part}`), Object.fromEntries(names.map((name) => [name, name])));
      $(`column-${part}`).value = chosen[part] ?? names[at];
    }
    $("columns").hidden = false;
    return this.readTable();
  }

  async readTable() {
    if (!this.rows) return;
    const [x, y, target] = ["x", "y", "target"].map((part) => $(`column-${part}`).value);
    const { page } = this;
    let wrong = "";
    try {
      page.custom.table = tablePoints(this.rows, x, y, target, page.settings.problem);
    } catch (error) {
      page.custom.table = [];
      wrong = error.message;
    }
    if (!(await page.change({ data: "table" }))) await page.reset();
    if (wrong) page.say(wrong);
  }
}

export const bindControls = (page) => new Controls(page);
