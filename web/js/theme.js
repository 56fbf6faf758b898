// Light, dark, or as the system has it.

import { fill, icon } from "./dom.js";

const NAME = "jeton.theme";
const ORDER = /** @type {const} */ (["auto", "light", "dark"]);
const WORDS = { auto: "as the system", light: "light", dark: "dark" };
const ICONS = /** @type {const} */ ({ auto: "auto", light: "sun", dark: "moon" });

/** What hears of a new theme, chosen here or by the system. */
const changes = new EventTarget();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => tell());

function tell() {
  changes.dispatchEvent(new Event("change"));
}

/**
 * For what cannot follow by styles alone.
 * @param {() => void} told
 */
export function whenThemeChanges(told) {
  changes.addEventListener("change", told);
}

/** @returns {"auto" | "light" | "dark"} */
export function theme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

/** @param {"auto" | "light" | "dark"} chosen */
export function setTheme(chosen) {
  if (chosen === "auto") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(NAME);
  } else {
    document.documentElement.dataset.theme = chosen;
    localStorage.setItem(NAME, chosen);
  }
  tell();
}

/**
 * A button that goes through the three.
 * @param {(words: string) => void} announce
 */
export function themeButton(announce) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain round";
  const show = () => {
    fill(button, icon(ICONS[theme()]));
    button.title = `Theme: ${WORDS[theme()]}`;
    button.setAttribute("aria-label", `Theme: ${WORDS[theme()]}. Change it`);
  };
  button.addEventListener("click", () => {
    setTheme(ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length]);
    show();
    announce(`Theme: ${WORDS[theme()]}`);
  });
  show();
  return button;
}
