// Where a person writes: text, length, send and stop, and one line of live figures.

import { element, iconButton } from "./dom.js";
import { lengthControl } from "./length.js";

/** How long nothing is typed before a quote is asked for. */
const PAUSE_MS = 500;

/**
 * @param {object} options
 * @param {import("./settings.js").Settings} options.settings
 * @param {import("./parameters.js").Parameters} options.parameters
 * @param {(text: string) => void} options.onsend
 * @param {() => void} options.onstop
 * @param {(text: string) => void} options.onpause  nothing was typed for a moment
 */
export function composer({ settings, parameters, onsend, onstop, onpause }) {
  let isRunning = false;
  let pause = 0;
  const area = element("textarea", {
    rows: "1",
    class: "message",
    placeholder: "Write a message",
    "aria-label": "Message",
    enterkeyhint: "send",
    oninput: () => {
      fit();
      clearTimeout(pause);
      pause = setTimeout(() => {
        if (!isRunning) onpause(area.value.trim());
      }, PAUSE_MS);
    },
  });
  const fit = () => {
    area.style.setProperty("height", "auto");
    area.style.setProperty("height", `${Math.min(area.scrollHeight + 2, 220)}px`);
  };
  const send = iconButton("send", "Send", () => submit(), { class: "strong round send" });
  const stop = iconButton("stop", "Stop", onstop, { class: "strong round stop" });
  stop.hidden = true;
  const submit = () => {
    const text = area.value.trim();
    if (text === "" || isRunning) return;
    clearTimeout(pause);
    area.value = "";
    fit();
    onsend(text);
  };
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  const live = element("p", { class: "live number quiet" }, "\u00a0");
  const root = element(
    "form",
    {
      class: "composer",
      "aria-label": "Message",
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    element("div", { class: "box" }, area, send, stop),
    element("div", { class: "below" }, lengthControl(settings, parameters), live),
  );
  return {
    root,
    /** @param {boolean} running */
    setRunning(running) {
      isRunning = running;
      const hadFocus = document.activeElement === send || document.activeElement === stop;
      send.hidden = running;
      stop.hidden = !running;
      if (hadFocus) (running ? stop : area).focus();
    },
    /** @param {string} words */
    setLive(words) {
      const text = words || "\u00a0";
      if (live.textContent !== text) live.textContent = text;
    },
    focus: () => area.focus(),
    /** @param {string} text */
    put(text) {
      area.value = text;
      fit();
      area.focus();
    },
  };
}
