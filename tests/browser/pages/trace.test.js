import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "../start.js";
import { answered, openPage, say, tokensOf } from "./harness.js";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const traced = (page) => page.getByRole("button", { name: "Trace", exact: true }).waitFor();

test("a token shows its candidates, its stages and its draw", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/trace" });
  await page.getByRole("button", { name: "Trace", exact: true }).click();
  await traced(page);
  const tokens = tokensOf(page);
  assert.ok((await tokens.count()) > 20);
  await tokens.nth(12).click();
  const step = page.getByRole("region", { name: "Step" });
  assert.match(await step.textContent(), /step 13 of \d+/);
  assert.ok((await step.locator(".candidates tbody tr").count()) >= 2);
  assert.match(await step.locator(".candidates tr.chosen").textContent(), /chosen/);
  assert.ok((await step.locator(".stages li").count()) >= 2);
  assert.match(await step.textContent(), /u = 0\.\d+ fell into \[/);
  await close();
});

test("arrow keys walk, and colours follow the measure", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/trace" });
  await page.getByRole("button", { name: "Trace", exact: true }).click();
  await traced(page);
  await tokensOf(page).first().click();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("[aria-selected=true]").count(), 1);
  assert.match(await page.locator(".step-card .walk").textContent(), /step 3 of/);
  await page.keyboard.press("End");
  assert.ok(await page.getByRole("button", { name: "Next step" }).isDisabled());
  await page.keyboard.press("ArrowUp");
  assert.ok(await page.getByRole("button", { name: "Next step" }).isEnabled());
  await page.keyboard.press("Home");
  assert.match(await page.locator(".step-card .walk").textContent(), /step 1 of/);
  const heat = () =>
    page
      .getByRole("option")
      .evaluateAll((all) => all.map((one) => one.style.getPropertyValue("--heat")));
  const byProbability = await heat();
  await page.locator(".measures label", { hasText: "Entropy" }).click();
  assert.notDeepEqual(await heat(), byProbability);
  await close();
});

test("an answer of the chat is traced as it was: the same seed, the same tokens", async () => {
  const { page, close } = await openPage(browser, server.url);
  await say(page, "Tell me a story about a fox.");
  await answered(page, 1);
  const said = (await page.locator(".answer-text").textContent()).replaceAll(/\s+/g, " ").trim();
  await page.getByRole("button", { name: "Trace", exact: true }).click();
  await tokensOf(page).first().waitFor();
  await page.locator(".page-trace").getByRole("button", { name: "Trace", exact: true }).waitFor();
  const tokens = await page.locator(".heat > span:not(.thinking):not(.special)").allTextContents();
  assert.ok(tokens.join("").replaceAll(/\s+|⏎/g, " ").replaceAll(/ +/g, " ").includes(said));
  await close();
});
