// Makes the pictures of docs/PLAYGROUND.md and the README: `run.sh pictures` after a release build. They
// are what the page shows, asked of the built `jeton serve` with the model inside; figures of time are
// those of the machine and the moment. `pngquant` makes them a third as large afterwards.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { answered, chooseLength, openPage, say, tokensOf } from "./pages/harness.js";
import { startBrowser, startServer } from "./start.js";

const CONFIG = `
models:
  - id: jeton-tiny
    prices: {prompt: 0.10, cached_prompt: 0.05, thinking: 0.40, answer: 0.40}
currency: EUR
presets: {short: 50, medium: 150, long: 500}
limits:
  max_tokens: {min: 1, max: 1000}
  over_limit: clamp
`;
const FOLDER = resolve(import.meta.dirname, "../../docs/pictures");

const server = await startServer({ config: CONFIG });
const browser = await startBrowser();
await mkdir(FOLDER, { recursive: true });

/**
 * @param {string} name
 * @param {Parameters<typeof openPage>[2]} look
 * @param {(page: import("playwright-core").Page) => Promise<void>} prepare
 */
async function picture(name, look, prepare) {
  const { page, close } = await openPage(browser, server.url, look);
  await prepare(page);
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await close();
}

/** @param {import("playwright-core").Page} page */
async function lockSeed(page) {
  await page.locator("[data-knob=seed] input").evaluate((input) => {
    /** @type {HTMLInputElement} */ (input).value = "4";
    input.dispatchEvent(new Event("input"));
  });
}


// The first answer of all also pays for what is read from disk.
await picture("chat", {}, async (page) => {
  await say(page, "What is 2 + 3?");
  await answered(page, 1);
});
await picture("chat", {}, async (page) => {
  // High enough for an answer whose limit an admin lowered, and one that was cut.
  await page.setViewportSize({ width: 1440, height: 1120 });
  await lockSeed(page);
  await chooseLength(page, "Exact");
  await page.getByLabel("Exact limit in tokens").fill("5000");
  await say(page, "Tell me a story about a fox.");
  await answered(page, 1);
  await chooseLength(page, "Short");
  await say(page, "Now a story about a lighthouse.");
  await answered(page, 2);
});
await picture("small", { width: 360, theme: "dark" }, async (page) => {
  await lockSeed(page);
  await chooseLength(page, "Short");
  await say(page, "Tell me a story about a lighthouse.");
  await answered(page, 1);
});
await picture("compare", { theme: "dark", hash: "#/compare" }, async (page) => {
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("button", { name: "Run", exact: true }).waitFor();
  // The thoughts part before the answers do.
  for (const thought of await page.locator(".thought summary:visible").all()) await thought.click();
});
await picture("limits", { hash: "#/compare/limits" }, async (page) => {
  await page.getByRole("button", { name: "Run once" }).click();
  await page.getByRole("button", { name: "Run once" }).waitFor();
  await page.getByRole("slider", { name: "Limit in tokens" }).focus();
  for (let step = 0; step < 9; step += 1) await page.keyboard.press("ArrowRight");
});
await picture("trace", { hash: "#/trace" }, async (page) => {
  await page.getByRole("button", { name: "Trace", exact: true }).click();
  await page.getByRole("button", { name: "Trace", exact: true }).waitFor();
  const shares = await tokensOf(page).evaluateAll((all) =>
    all.map((one) => Number(one.style.getPropertyValue("--heat"))),
  );
  await tokensOf(page)
    .nth(shares.findIndex((heat, index) => index > 40 && heat > 0.5))
    .click();
});

await browser.close();
await server.stop();
