// A server of our own and a browser that watches itself: a page may say nothing on the console, break
// no rule of its policy, and ask no other host for anything.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "../../..");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const JETON = process.env.JETON ?? join(TARGET, "release", "jeton");
const START_MS = 60_000;

/**
 * Starts `jeton serve` on a free port, in a folder that goes away. With JETON_URL the server there is
 * asked instead, where the test brings no settings of its own.
 * @param {{config?: string}} [options]
 * @returns {Promise<{url: string, stop: () => Promise<void>}>}
 */
export async function startServer({ config } = {}) {
  if (process.env.JETON_URL && config === undefined) {
    return { url: process.env.JETON_URL, stop: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), "jeton-browser-"));
  const flags = ["serve", "--port", "0"];
  if (config !== undefined) {
    await writeFile(join(folder, "jeton.yaml"), config);
    flags.push("--config", join(folder, "jeton.yaml"));
  }
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder };
  const server = spawn(JETON, flags, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const url = await new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`no address was printed:\n${said}`)), START_MS);
    const read = (/** @type {Buffer} */ chunk) => {
      said += chunk;
      const address = /http:\/\/[^\s/"']+/.exec(said);
      if (!address) return;
      clearTimeout(timer);
      found(address[0]);
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    server.on("error", failed);
    server.on("exit", (code) => failed(new Error(`${JETON} ended with ${code}:\n${said}`)));
  });
  const deadline = Date.now() + START_MS;
  while (
    !(await fetch(`${url}/ready`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) throw new Error(`the server was not ready:\n${said}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  const stop = async () => {
    server.removeAllListeners("exit");
    const ended = new Promise((done) => server.once("exit", done));
    server.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { url, stop };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

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
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  /** @type {string[]} */
  const faults = [];
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
  await page.goto(`${url}/${hash}`);
  const close = async () => {
    const violations = await page.evaluate(() => /** @type {any} */ (window).seen.violations);
    await context.close();
    assert.deepEqual([...faults, ...violations], []);
  };
  return { page, close, faults };
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
