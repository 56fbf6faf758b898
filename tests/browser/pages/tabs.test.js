import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "../start.js";
import { answered, chooseLength, openPage, say } from "./harness.js";

const STORY = "Tell me a story about a fox.";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const kept = (page) =>
  page.evaluate(
    () => Object.keys(localStorage).filter((key) => key.startsWith("jeton.conversation.")).length,
  );
const listed = (page) => page.locator(".conversations li");
const remove = (page) =>
  listed(page)
    .first()
    .getByRole("button", { name: /^Delete/ })
    .click({ force: true });

/** Lets answers come slowly: the tiny model is quicker than a hand. */
async function slowly(page, bytesPerSecond) {
  const line = await page.context().newCDPSession(page);
  await line.send("Network.enable");
  const set = (downloadThroughput) =>
    line.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput,
      uploadThroughput: -1,
    });
  await set(bytesPerSecond);
  return () => set(-1);
}

test("what is said in one tab is seen in the other, and kept when that one goes on", async () => {
  const { page, another, close } = await openPage(browser, server.url);
  await say(page, "What is 2 + 3?");
  await answered(page, 1);
  const other = await another();
  await answered(other, 1);
  await say(page, STORY);
  await answered(page, 2);
  await answered(other, 2);
  assert.equal(
    await other.locator(".answer-text").last().textContent(),
    await page.locator(".answer-text").last().textContent(),
  );
  await say(other, "Make a list of three fruits.");
  await answered(other, 3);
  await answered(page, 3);
  assert.deepEqual(await page.locator(".said").allTextContents(), [
    "What is 2 + 3?",
    STORY,
    "Make a list of three fruits.",
  ]);
  assert.equal(await kept(page), 1);
  await close();
});

test("a conversation that is deleted while its answer runs stays deleted", async () => {
  const { page, close } = await openPage(browser, server.url);
  const quickly = await slowly(page, 3000);
  await chooseLength(page, "Long");
  await say(page, STORY);
  await page.locator("[aria-busy=true]").waitFor();
  assert.equal(await listed(page).count(), 1);
  await remove(page);
  await quickly();
  await page.getByRole("heading", { name: "See and govern every token" }).waitFor();
  await page.getByRole("button", { name: "Send", exact: true }).waitFor();
  assert.equal(await listed(page).count(), 0);
  assert.equal(await kept(page), 0);
  await say(page, "What is 2 + 3?");
  await answered(page, 1);
  assert.equal(await kept(page), 1);
  await close();
});

test("deleted in another tab while its answer runs, it goes in both and stays away", async () => {
  const { page, another, close } = await openPage(browser, server.url);
  const other = await another();
  const quickly = await slowly(page, 3000);
  await chooseLength(page, "Long");
  await say(page, STORY);
  await page.locator("[aria-busy=true]").waitFor();
  await listed(other).first().waitFor();
  await remove(other);
  await page.getByRole("heading", { name: "See and govern every token" }).waitFor();
  await quickly();
  await page.getByRole("button", { name: "Send", exact: true }).waitFor();
  for (const tab of [page, other]) {
    assert.equal(await listed(tab).count(), 0);
    assert.equal(await kept(tab), 0);
  }
  await close();
});
