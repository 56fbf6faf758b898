import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "../start.js";
import { openPage } from "./harness.js";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const go = (page, name) => page.getByRole("button", { name, exact: true }).click();
const isIdle = (page, name) => page.getByRole("button", { name, exact: true }).waitFor();

test("two lanes differ in one setting, and the first token that differs is marked", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/compare" });
  const lanes = page.locator(".lane");
  assert.equal(await lanes.count(), 2);
  assert.match(await lanes.nth(0).locator(".differences").textContent(), /temperature 0\.2/);
  assert.match(await lanes.nth(1).locator(".differences").textContent(), /temperature 1\.2/);
  await go(page, "Run");
  await isIdle(page, "Run");
  await page.locator(".lane mark").first().waitFor({ state: "attached" });
  for (const index of [0, 1]) {
    assert.ok((await lanes.nth(index).locator(".lane-text").textContent()).length > 20);
    assert.match(await lanes.nth(index).locator(".lane-foot").textContent(), /\d+ tokens/);
  }
  await close();
});

test("lanes with the same settings and seed say the same, token for token", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/compare" });
  for (const name of ["A", "B"]) {
    const lane = page.getByRole("region", { name: `Lane ${name}` });
    await lane.getByText("Change settings").click();
    await lane.getByRole("button", { name: "Reset temperature" }).click();
  }
  await go(page, "Run");
  await isIdle(page, "Run");
  const texts = await page.locator(".lane-text").allTextContents();
  assert.equal(texts[0], texts[1]);
  assert.equal(await page.locator(".lane mark").count(), 0);
  await close();
});

test("lanes can be added up to four, and taken away", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/compare" });
  await go(page, "Add a lane");
  await go(page, "Add a lane");
  assert.equal(await page.locator(".lane").count(), 4);
  assert.ok(await page.getByRole("button", { name: "Add a lane" }).isDisabled());
  await page.getByRole("button", { name: "Remove lane B" }).click();
  assert.deepEqual(await page.locator(".lane h2").allTextContents(), [
    "Lane A",
    "Lane C",
    "Lane D",
  ]);
  await go(page, "Run");
  await isIdle(page, "Run");
  assert.equal(await page.locator(".lane-foot .bad").count(), 0);
  await close();
});

test("one run answers every limit, and the scrubber shows what each would have given", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/compare/limits" });
  let asked = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/v1/chat/completions")) asked += 1;
  });
  await go(page, "Run once");
  await isIdle(page, "Run once");
  assert.equal(asked, 1);
  assert.match(
    await page.locator(".limits-view").textContent(),
    /One run of \d+ tokens answered \d+ limits/,
  );
  const scrubber = page.getByRole("slider", { name: "Limit in tokens" });
  await scrubber.focus();
  await page.keyboard.press("Home");
  assert.match(await page.locator(".verdict").textContent(), /thinking|answer/i);
  const kept = () => page.locator(".scrub-text span").first().textContent();
  let last = "";
  let cuts = 0;
  const top = Number(await scrubber.getAttribute("max"));
  assert.ok(top > 10);
  for (let step = 0; step < top; step += 1) {
    await page.keyboard.press("ArrowRight");
    const now = await kept();
    assert.ok(now.startsWith(last), `${now} does not go on from ${last}`);
    last = now;
    if (/cut/.test((await page.locator(".verdict").getAttribute("class")) ?? "")) cuts += 1;
  }
  assert.ok(cuts > 5);
  assert.match(await page.locator(".scrub-facts").textContent(), /finish_reason\s*stop/);
  assert.equal(await page.locator(".cut-off").last().textContent(), "");
  await page.getByRole("button", { name: /^short/ }).click();
  assert.match(await page.locator(".limit-now").textContent(), /50/);
  assert.match((await scrubber.getAttribute("aria-valuetext")) ?? "", /^50 tokens\./);
  await close();
});
