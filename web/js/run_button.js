// One button that starts a run and, while it goes on, stops it. Its beginning and end are told.

import { announce } from "./announce.js";
import { element, fill, icon } from "./dom.js";

/**
 * @param {object} options
 * @param {string} options.words  on the button while nothing runs
 * @param {() => string} options.begins  what is told then
 * @param {(signal: AbortSignal) => Promise<string>} options.run  gives what is told at its end
 */
export function runButton({ words, begins, run }) {
  /** @type {AbortController | null} */
  let running = null;
  const startOrStop = async () => {
    if (running) return running.abort();
    running = new AbortController();
    fill(button, icon("stop"), "Stop");
    announce(begins());
    announce(await run(running.signal));
    running = null;
    fill(button, words);
  };
  const button = element(
    "button",
    { type: "button", class: "strong run", onclick: startOrStop },
    words,
  );
  return button;
}
