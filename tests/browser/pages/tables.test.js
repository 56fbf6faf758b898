import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { answered, openPage, say, startBrowser, startServer } from "./harness.js";

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
