// Light or dark: as the system has it, or as chosen here.

import { readTheme } from "./picture.js";

const CHOICES = ["system", "light", "dark"];

export function bindTheme(page) {
  const button = document.getElementById("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let choice = "system";
  const apply = () => {
    const theme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${choice}`;
    readTheme();
    if (page.shownSettings) page.diagram.paintInputs();
    page.redraw();
  };
  button.onclick = () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
    apply();
  };
  dark.addEventListener("change", apply);
  apply();
}
