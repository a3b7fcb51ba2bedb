// The fields of the settings: what they show and what a change of them does.

import { decode, readCsv } from "./data.js";
import { VARIED } from "./population.js";
import { ACTIVATIONS, bounded, DATA, LOSSES, OPTIMIZERS, ownNumbers, SCHEDULES } from "./settings.js";

const $ = (id) => document.getElementById(id);
const NUMBERS = ["noise", "percent", "batch", "seed", "dropout", "lr", "l1", "l2", "period", "factor"];
const CHOICES = ["problem", "data", "activation", "loss", "schedule"];

function options(select, names) {
  select.replaceChildren(...Object.entries(names).map(([value, name]) =>
    Object.assign(document.createElement("option"), { value, textContent: name.label ?? name })));
}

/** Grey out what would make nine equal nets, and choose another. */
function offer(select, { optimizer, layers }) {
  for (const option of select.options)
    option.disabled = (option.value === "l2" && OPTIMIZERS[optimizer].decay === "no")
      || (option.value === "width" && !layers.length);
  if (select.selectedOptions[0].disabled) select.value = "seed";
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
      $(name).onchange = () => page.change({ [name]: bounded(name, $(name).value, page.settings[name]) });
    for (const name of ["noise", "percent"])
      $(name).oninput = () => ($(`${name}-value`).textContent = $(name).value);
    for (const name of CHOICES)
      $(name).onchange = () =>
        page.change({ [name]: $(name).value, ...(name === "problem" && { loss: "squared" }) });
    $("optimizer").onchange = () => {
      const optimizer = $("optimizer").value;
      page.change({ optimizer, own: ownNumbers(optimizer), lr: OPTIMIZERS[optimizer].lr });
    };
    $("speed").onchange = () => page.change({ speed: Number($("speed").value) }, false);
    for (const name of ["hideTest", "discrete"])
      $(name).onchange = () => {
        page.change({ [name]: $(name).checked }, false);
        page.diagram.paintInputs();
        page.population.look(page.settings.discrete);
      };
    $("file").onchange = async () => {
      const [file] = $("file").files;
      if (file) await this.openTable(await file.arrayBuffer(), { table: file.name });
    };
    for (const part of ["x", "y", "target"])
      $(`column-${part}`).onchange = () => this.readTable();
    $("controls").addEventListener("submit", (event) => event.preventDefault());
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
    offer($("varied"), settings);
    const field = $("field");
    if (settings.data === "drawn") field.tabIndex = 0;
    else field.removeAttribute("tabindex");
    field.setAttribute("role", settings.data === "drawn" ? "application" : "img"); // arrow keys reach it
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
          const { own } = this.page.settings;
          this.page.change({ own: { ...own, [name]: input.value === "" ? own[name] : Number(input.value) } });
        };
        line.append(`${label} `, input);
        return line;
      }));
    }
    for (const name of Object.keys(numbers)) $(`own-${name}`).value = settings.own[name];
  }

  /** Take a CSV file's bytes; chosen: its name, and names of the columns to begin with, else the
   * first two and the last. */
  async openTable(bytes, chosen) {
    try {
      this.rows = readCsv(decode(bytes));
    } catch (error) {
      const stays = this.rows ? "; the table before it stays" : "";
      return this.page.say(`${chosen.table}: ${error.message}${stays}`);
    }
    const [names] = this.rows;
    const shown = Object.fromEntries(names.map((name, i) => [i, name || `column ${i + 1}`]));
    for (const [part, at] of [["x", 0], ["y", 1], ["target", names.length - 1]]) {
      options($(`column-${part}`), shown);
      $(`column-${part}`).value = part in chosen ? names.indexOf(chosen[part]) : at;
    }
    $("columns").hidden = false;
    return this.readTable();
  }

  /** The table that was opened, or null: its rows, and the places of the columns to learn. */
  table() {
    const [x, y, target] = ["x", "y", "target"].map((part) => Number($(`column-${part}`).value));
    return this.rows && { rows: this.rows, x, y, target };
  }

  async readTable() {
    if (!(await this.page.change({ data: "table" }))) await this.page.reset();
  }
}

export const bindControls = (page) => new Controls(page);
