// The page: controls, the net in training, and what is drawn of it.

import { bindControls } from "./controls.js";
import { codeOf, csvOf } from "./code.js";
import { makePoints, split, tablePoints, unpackPoints } from "./data.js";
import { canAddLayer, Diagram } from "./diagram.js";
import { connect } from "./engine.js";
import { describe, readFrame } from "./net.js";
import { Population } from "./population.js";
import { readTheme } from "./picture.js";
import { showTrace } from "./byhand.js";
import { fromHash, settled, toHash } from "./settings.js";
import { View } from "./view.js";
import { bindTheme } from "./theme.js";
import { bindPoints } from "./points.js";

const $ = (id) => document.getElementById(id);

class Page {
  constructor(engine) {
    this.engine = engine;
    this.settings = fromHash(location.hash);
    this.custom = { drawn: unpackPoints(this.settings.drawn), table: [] };
    this.net = null;
    this.frame = null;
    this.playing = false;
    this.running = Promise.resolve(); // until training has stopped
    this.made = 0; // of how many nets: an answer for an older one is dropped
    this.view = new View(this);
    this.diagram = new Diagram($("nodes"), $("lines"), {
      change: (what) => this.change(what),
      pin: (unit) => this.view.pin(unit),
    });
    this.population = new Population($("population"), engine);
  }

  say(text) {
    $("message").textContent = text;
  }

  /** Take changed settings; begin anew if they are others, unless they are about the view alone.
   * Says whether it did. */
  async change(what, anew = true) {
    const before = toHash(this.settings);
    Object.assign(this.settings, what);
    settled(this.settings);
    const after = toHash(this.settings);
    history.replaceState(null, "", `#${after}`);
    this.controls.show();
    if (anew && after !== before) {
      await this.reset();
      return true;
    }
    this.redraw();
    return false;
  }

  /** A new net with the first weights. */
  async reset() {
    const made = ++this.made;
    const settings = structuredClone(this.settings);
    const words = this.takePoints(settings);
    this.frame = null;
    $("play").disabled = $("step").disabled = !this.points;
    this.shownSettings = settings;
    this.diagram.build(settings);
    this.showLayers(settings.layers.length);
    const old = this.net;
    this.net = null;
    if (old) this.engine.free(old);
    this.view.clear();
    if (!this.points) {
      this.pause();
      this.population.clear();
      $("trace").replaceChildren();
      this.redraw();
      this.say(words);
      return;
    }
    $("row").max = this.points.train.length - 1;
    try {
      const { numbers, data } = describe(settings, this.points);
      const net = await this.engine.create(numbers, data);
      if (made !== this.made) return void this.engine.free(net);
      this.net = net;
      this.say(words);
      this.take(await this.ask(0));
      if ($("hand").open) this.trace();
      if ($("nine").open) await beginNine(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The points of the settings; returns what there is to say of them. */
  takePoints(settings) {
    let words = "";
    try {
      if (settings.data === "drawn" && this.custom.drawn.length < 2)
        words = `${this.custom.drawn.length ? "One point" : "No points yet"}: draw two or more.`;
      if (settings.data === "table") {
        const table = this.controls.table();
        if (table) ({ points: this.custom.table, words } = tablePoints(table, settings.problem));
        else words = "No table yet: open a CSV file.";
      }
    } catch (error) {
      this.custom.table = [];
      words = error.message;
    }
    const all = makePoints(settings, this.custom[settings.data] ?? []);
    this.points = all.length > 1 ? split(all, settings.percent) : null;
    return words;
  }

  showLayers(count) {
    $("layers").textContent = `${count} ${count === 1 ? "layer" : "layers"}`;
    const limits = [["less", "more", !count], ["more", "less", !canAddLayer(this.settings)]];
    for (const [name, other, ended] of limits) {
      if (ended && document.activeElement === $(name)) {
        $(other).disabled = false; // who pressed it by keys goes on from the other
        $(other).focus();
      }
      $(name).disabled = ended;
    }
  }

  fail(error) {
    this.pause();
    this.say(`The engine says: ${error.message}`);
  }

  /** The page is left: its nets go too. */
  leave() {
    this.pause();
    this.made++;
    const ids = this.population.nets.map(({ id }) => id);
    this.population.nets = [];
    for (const id of [this.net, ...ids]) if (id) this.engine.leave(id);
    this.net = null;
  }

  /** Ask for so many steps and the frame after them; null if there is no net. */
  async ask(steps) {
    const { net, made } = this;
    if (!net) return null;
    try {
      const [bytes] = await Promise.all([
        this.engine.frame(net, steps, true),
        steps && $("nine").open ? this.population.advance(steps) : null,
      ]);
      return { bytes, made };
    } catch (error) {
      if (made !== this.made) return null; // of a net that is no longer there
      throw error;
    }
  }

  /** Show what was asked for, unless a newer net has come meanwhile. */
  take(answer) {
    if (!answer || answer.made !== this.made) return;
    this.frame = readFrame(answer.bytes, this.shownSettings, this.points);
    this.view.note(this.frame);
    this.redraw();
    if (!this.frame.status) return;
    this.pause();
    this.say("The loss is not finite: training has stopped. Try a smaller learning rate, then Reset.");
  }

  async advance(steps) {
    await this.running;
    this.take(await this.ask(steps));
    if ($("hand").open) this.trace();
  }

  redraw() {
    if (this.shownSettings) {
      this.shownSettings.discrete = this.settings.discrete;
      this.shownSettings.hideTest = this.settings.hideTest;
    }
    this.view.draw();
    $("code").textContent = codeOf(this.settings, $("library").value);
  }

  /** Frame after frame; while one is drawn the next is on its way. */
  async run() {
    let coming = this.playing ? this.ask(this.settings.speed) : null;
    while (coming) {
      coming.catch(() => {}); // it is looked at below
      const drawn = new Promise((next) => requestAnimationFrame(next));
      try {
        const answer = await coming;
        coming = this.playing ? this.ask(this.settings.speed) : null;
        this.take(answer);
      } catch (error) {
        coming = null;
        this.fail(error);
      }
      await drawn;
      this.view.beat();
    }
    this.view.describe();
    if ($("hand").open) this.trace();
  }

  play() {
    if (this.playing || !this.points) return;
    this.playing = true;
    this.view.playing(true);
    this.running = this.running.then(() => this.run());
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.view.playing(false);
  }

  /** The training row of the field, which shows what there is. */
  row() {
    const row = Math.max(0, Math.min(this.points.train.length - 1, Math.round(Number($("row").value)) || 0));
    $("row").value = row;
    return row;
  }

  async trace() {
    if (!this.net || !this.frame || this.playing) return; // while it trains, the frame is behind
    const { made, shownSettings, frame } = this;
    const row = this.row();
    const bytes = await this.engine.trace(this.net, row);
    if (made !== this.made || frame !== this.frame) return;
    showTrace($("trace"), bytes, shownSettings, frame.parameters, row);
  }
}

function bindKeys(page) {
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, select, textarea, button, summary, pre, [data-keys]");
    if (event.ctrlKey || event.metaKey || event.altKey || field) return;
    const call = { " ": "play", s: "step", r: "reset" }[event.key.toLowerCase()];
    if (!call) return;
    event.preventDefault();
    $(call).click();
  });
  $("play").onclick = () => (page.playing ? page.pause() : page.play());
  $("step").onclick = async () => {
    page.pause();
    await page.advance(1).catch((error) => page.fail(error));
  };
  $("reset").onclick = () => page.reset();
  $("less").onclick = () => page.change({ layers: page.settings.layers.slice(0, -1) });
  $("more").onclick = () => page.change({ layers: [...page.settings.layers, 2] });
}

function save(name, text) {
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(new Blob([text], { type: "text/csv" })),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function copy(page, text, what) {
  try {
    await navigator.clipboard.writeText(text);
    page.say(`${what} copied.`);
  } catch {
    page.say(`${what}: this browser does not let a page copy; select it by hand.`);
  }
}

const beginNine = (page) =>
  page.points && page.population.begin(page.shownSettings, page.points, $("varied").value)
    .catch((error) => page.fail(error));

function bindDetails(page) {
  $("nine").ontoggle = () => {
    if (!$("nine").open) return page.population.end();
    return beginNine(page);
  };
  $("varied").onchange = () => beginNine(page);
  $("hand").ontoggle = () => $("hand").open && page.trace();
  $("row").onchange = () => page.trace();
  $("library").onchange = () => page.redraw();
  $("copy").onclick = () => copy(page, $("code").textContent, "Code");
  $("link").onclick = () => copy(page, location.href, "Link");
  $("save").onclick = () =>
    page.points ? save("playground.csv", csvOf(page.points)) : page.say("There are no points to save yet.");
}

/** The token of the server's address; kept, so that it need not be in links and is there again. */
function takeToken() {
  const given = new URLSearchParams(location.search).get("token");
  if (given) history.replaceState(null, "", location.pathname + location.hash);
  try {
    if (given) localStorage.setItem("token", given);
    return localStorage.getItem("token") ?? "";
  } catch {
    return given ?? ""; // a browser that keeps nothing
  }
}

async function main() {
  readTheme();
  const headers = { "X-Fastnn-Token": takeToken() };
  const answer = await fetch("begin.json", { headers });
  if (!answer.ok) throw new Error(await answer.text());
  const begin = await answer.json();
  const page = new Page(connect(begin, headers));
  page.controls = bindControls(page);
  bindTheme(page);
  bindPoints(page);
  bindKeys(page);
  bindDetails(page);
  window.addEventListener("hashchange", () => {
    page.settings = fromHash(location.hash);
    page.custom.drawn = unpackPoints(page.settings.drawn);
    page.controls.show();
    page.reset();
  });
  window.addEventListener("pagehide", () => page.leave());
  window.addEventListener("pageshow", (event) => event.persisted && page.reset());
  new ResizeObserver(() => page.redraw()).observe(document.body);
  page.controls.show();
  $("engine").textContent = `Trained by ${page.engine.name}`;
  if (begin.table) await page.controls.openTable(await (await fetch("table.csv", { headers })).arrayBuffer(), begin);
  else await page.reset();
  window.playground = page; // for the curious, and for the tests
}

main().catch((error) => {
  $("message").textContent = `The playground could not start: ${error.message}`;
});
