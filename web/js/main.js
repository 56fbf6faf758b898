// The shell: header, pages, and what all pages share.

import { announce } from "./announce.js";
import { apiKey, getJson, whenKeyNeeded } from "./api.js";
import { chatPage } from "./chat.js";
import { comparePage } from "./compare.js";
import { keyButton, openKeyDialog } from "./key_dialog.js";
import { ModelPicker } from "./model_picker.js";
import { Parameters } from "./parameters.js";
import { route } from "./router.js";
import { themeButton } from "./theme.js";
import { tracePage } from "./trace.js";
import { tryPage } from "./tryit.js";
import { usagePage } from "./usage.js";

/**
 * What pages share.
 * @typedef {object} App
 * @property {ModelPicker} models
 * @property {Parameters} parameters
 * @property {(words: string) => void} announce
 * @property {{trace: any, compare: any}} handed  what one page hands to another
 */

/** @type {App} */
const app = {
  models: new ModelPicker(),
  parameters: new Parameters(),
  announce,
  handed: { trace: null, compare: null },
};

async function load() {
  await Promise.allSettled([
    app.models.load(getJson),
    app.parameters.load(getJson, app.models.chosen),
  ]);
}

const tools = /** @type {HTMLElement} */ (document.getElementById("tools"));
tools.append(app.models.element, keyButton(() => askForKey(false)), themeButton(announce));

let isAsking = false;
/** @param {boolean} isRefused  the key in use was refused */
async function askForKey(isRefused) {
  if (isAsking) return;
  isAsking = true;
  const isChanged = await openKeyDialog(isRefused);
  isAsking = false;
  if (!isChanged) return;
  await load();
  // The page that is open asks again for what it was refused.
  dispatchEvent(new Event("hashchange"));
}
whenKeyNeeded(() => askForKey(apiKey() !== ""));

app.models.addEventListener("change", () =>
  app.parameters.load(getJson, app.models.chosen).catch(() => {}),
);

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
route(
  {
    chat: { title: "Chat", make: (root) => chatPage(root, app) },
    compare: { title: "Compare", make: (root) => comparePage(root, app) },
    trace: { title: "Trace", make: (root) => tracePage(root, app) },
    usage: { title: "Usage", make: (root) => usagePage(root, app) },
    api: { title: "API", make: (root) => tryPage(root, app) },
  },
  main,
);
load();
