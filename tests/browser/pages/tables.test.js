import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "../start.js";
import { answered, forgetShifts, openPage, say, shifts } from "./harness.js";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("what was asked is in the usage, by model and by route, with a plot", async () => {
  const { page, close } = await openPage(browser, server.url);
  await say(page, "What is 2 + 3?");
  await answered(page, 1);
  await page.getByRole("link", { name: "Usage" }).click();
  await page.getByLabel("By").selectOption({ label: "Model" });
  await page.locator(".page-usage tbody tr", { hasText: "jeton-tiny" }).waitFor();
  const plot = page.locator(".plot img");
  await plot.waitFor();
  assert.ok(await plot.evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
  await close();
});

test("the plot is drawn for its width, and inked for the theme", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/usage", width: 360 });
  const plot = page.locator(".plot img");
  await plot.waitFor();
  const look = () =>
    plot.evaluate((image) => image.decode().then(() => [image.naturalWidth, image.width]));
  const [natural, shown] = await look();
  assert.ok(natural > 240 && natural < 320, `drawn ${natural} wide`);
  assert.equal(natural, shown);
  const ink = async () => {
    const svg = decodeURIComponent((await plot.getAttribute("src")) ?? "");
    const colour = await page.locator(".plot").evaluate((one) => getComputedStyle(one).color);
    assert.ok(svg.includes(`fill="${colour}"`), colour);
    return colour;
  };
  const light = await ink();
  await forgetShifts(page);
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("button", { name: /^Theme/ }).click();
  const dark = await ink();
  assert.notEqual(dark, light);
  assert.equal(await shifts(page), 0);
  await page.setViewportSize({ width: 900, height: 800 });
  await page.waitForFunction(() => document.querySelector(".plot img")?.naturalWidth > 600);
  const [wide, shownWide] = await look();
  assert.equal(wide, shownWide);
  await close();
});

test("on a small screen a chosen route comes into view", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/api", width: 360 });
  await page.locator(".route", { hasText: "/v1/models" }).first().click();
  const send = page.getByRole("button", { name: "Send" });
  const below = await send.evaluate((one) => one.getBoundingClientRect().bottom - innerHeight);
  assert.ok(below <= 0, `${below} pixels below the window`);
  await close();
});

test("the API page lists routes and sends a request", async () => {
  const { page, close } = await openPage(browser, server.url, { hash: "#/api" });
  await page.locator(".routes").waitFor();
  const routes = await page.locator(".routes code").allTextContents();
  for (const path of ["/v1/chat/completions", "/v1/models"]) assert.ok(routes.includes(path), path);
  await page.locator(".route", { hasText: "/v1/models" }).first().click();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText(/^200/).waitFor();
  assert.match(await page.getByLabel("Response").textContent(), /jeton-tiny/);
  await page.getByText("Headers", { exact: true }).click();
  assert.match(await page.getByLabel("Headers").textContent(), /content-type: application\/json/);
  await page.locator(".route", { hasText: "/v1/chat/completions" }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText(/^200/).waitFor();
  await page.waitForFunction(() =>
    /chat\.completion/.test(document.querySelector(".response")?.textContent ?? ""),
  );
  await close();
});
