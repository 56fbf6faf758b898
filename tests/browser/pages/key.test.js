import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "../start.js";
import { answered, objections, openPage, say } from "./harness.js";

let server, browser;
before(async () => {
  server = await startServer({ keyName: "anna" });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const isExpected = (status) => status === 401;
const dialogOf = (page) => page.getByRole("dialog", { name: "API key" });

async function give(page, key) {
  await dialogOf(page).getByLabel("Key", { exact: true }).fill(key);
  await page.keyboard.press("Enter");
}

test("the page asks for a key, says that one is wrong, and opens with the right one", async () => {
  const { page, close } = await openPage(browser, server.url, { isExpected, width: 360 });
  const dialog = dialogOf(page);
  await dialog.getByText("jeton key create").waitFor();
  assert.deepEqual(await objections(page), []);
  await give(page, "jt-wrong");
  await dialog.getByText("did not accept this key").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 1);
  await give(page, server.key);
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("option", { name: "jeton-tiny" }).first().waitFor({ state: "attached" });
  await say(page, "What is 2 + 3?");
  await answered(page, 1);
  assert.equal(await page.locator(".ending.bad").count(), 0);
  await close();
});

test("the key stays with a tab while it is open, and nowhere else", async () => {
  const { page, another, close } = await openPage(browser, server.url, { isExpected });
  await dialogOf(page).waitFor();
  await give(page, server.key);
  await dialogOf(page).waitFor({ state: "detached" });
  await page.reload();
  await page.getByRole("option", { name: "jeton-tiny" }).first().waitFor({ state: "attached" });
  assert.equal(await dialogOf(page).count(), 0);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie);
  assert.ok(!kept.includes(server.key));
  await page.close();
  const later = await another();
  await dialogOf(later).getByText("jeton key create").waitFor();
  await close();
});

test("a key given by hand, or taken away, holds at once", async () => {
  const { page, close } = await openPage(browser, server.url, { isExpected, hash: "#/usage" });
  await dialogOf(page).waitFor();
  await page.keyboard.press("Escape");
  await dialogOf(page).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "API key" }).click();
  await give(page, server.key);
  await page.getByRole("option", { name: "jeton-tiny" }).first().waitFor({ state: "attached" });
  await page.locator(".plot img").waitFor();
  await page.getByRole("button", { name: "API key" }).click();
  await give(page, "");
  await dialogOf(page).getByText("jeton key create").waitFor();
  await close();
});
