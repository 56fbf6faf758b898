// A page that watches itself: it may say nothing on the console, break no rule of its policy, and ask no
// other host for anything.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

/** Runs in the page before its own scripts. */
function watch() {
  const seen = { shifts: 0, violations: /** @type {string[]} */ ([]) };
  Object.assign(window, { seen });
  addEventListener("securitypolicyviolation", (event) => {
    seen.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) seen.shifts += /** @type {any} */ (entry).value;
  }).observe({ type: "layout-shift", buffered: true });
}

/**
 * Opens a page as a person with a fresh browser would; `close` fails when anything went wrong.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {object} [look]
 * @param {number} [look.width]
 * @param {"light" | "dark"} [look.theme]
 * @param {string} [look.hash]
 * @param {(status: number, path: string) => boolean} [look.isExpected]  answers that are no fault
 */
export async function openPage(
  browser,
  url,
  { width = 1440, theme = "light", hash = "", isExpected = () => false } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height: width < 600 ? 740 : 900 },
    colorScheme: theme,
    reducedMotion: "reduce",
    acceptDownloads: true,
  });
  /** @type {string[]} */
  const faults = [];
  /** Another tab of the same browser. */
  const another = async () => {
    const page = await context.newPage();
    await heed(page, url, faults, isExpected);
    await page.goto(`${url}/${hash}`);
    return page;
  };
  const page = await another();
  const close = async () => {
    for (const one of context.pages()) {
      const seen = await one.evaluate(() => /** @type {any} */ (window).seen.violations);
      faults.push(...seen);
    }
    await context.close();
    assert.deepEqual(faults, []);
  };
  return { page, another, close, faults };
}

/**
 * Has `faults` told of whatever goes wrong in the page.
 * @param {import("playwright-core").Page} page
 * @param {string} url
 * @param {string[]} faults
 * @param {(status: number, path: string) => boolean} isExpected
 */
async function heed(page, url, faults, isExpected) {
  page.setDefaultTimeout(60_000);
  await page.addInitScript(watch);
  page.on("console", (message) => {
    const isRefusal = /Failed to load resource: the server responded/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isRefusal) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(`${error.message}\n${error.stack}`));
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(url) && !to.startsWith("data:") && !to.startsWith("blob:"))
      faults.push(`asked another host: ${to}`);
  });
  page.on("response", (response) => {
    const path = response.url().slice(url.length);
    if (response.status() >= 400 && !isExpected(response.status(), path))
      faults.push(`${response.status()} ${path}`);
  });
}

/** @typedef {import("playwright-core").Page} Page */

/**
 * Waits until the n-th answer of the chat is complete.
 * @param {Page} page
 * @param {number} count
 */
export async function answered(page, count) {
  const isDone = (/** @type {number} */ wanted) =>
    document.querySelectorAll(".turn.assistant .turn-foot:not([hidden])").length === wanted &&
    !document.querySelector("[aria-busy=true]");
  await page.waitForFunction(isDone, count);
}

/**
 * @param {Page} page
 * @param {string} text
 */
export async function say(page, text) {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
}

/**
 * @param {Page} page
 * @param {string} name  as it begins
 */
export async function chooseLength(page, name) {
  await page.locator("section:not([hidden]) .length label", { hasText: name }).first().click();
}

/**
 * The tokens of the heat map.
 * @param {Page} page
 */
export function tokensOf(page) {
  return page.getByRole("listbox", { name: /^Tokens/ }).getByRole("option");
}

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

/**
 * What an accessibility checker objects to, in words.
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
export async function objections(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() =>
    /** @type {any} */ (window).axe.run(document, { resultTypes: ["violations"] }),
  );
  return violations.map(
    (/** @type {any} */ found) =>
      `${found.id}: ${found.help}: ${found.nodes.map((/** @type {any} */ node) => node.html.slice(0, 160)).join(" | ")}`,
  );
}

/**
 * Forgets earlier layout shifts.
 * @param {Page} page
 */
export function forgetShifts(page) {
  return page.evaluate(() => {
    /** @type {any} */ (window).seen.shifts = 0;
  });
}

/** @param {Page} page */
export function shifts(page) {
  return page.evaluate(() => /** @type {any} */ (window).seen.shifts);
}
