import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "../start.js";
import { answered, chooseLength, forgetShifts, openPage, say, shifts } from "./harness.js";

const CONFIG = `
models:
  - id: jeton-tiny
    prices: {prompt: 0.10, cached_prompt: 0.05, thinking: 0.40, answer: 0.40}
currency: EUR
presets: {short: 50, medium: 150, long: 500}
limits:
  max_tokens: {min: 1, max: 600}
  over_limit: clamp
`;
const STORY = "Tell me a story about a fox.";

let server, browser;
before(async () => {
  server = await startServer({ config: CONFIG });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const lastAnswer = (page) => page.locator(".turn.assistant .answer-text").last();

test("an answer streams in without anything moving, and tells what it took", async () => {
  const { page, close } = await openPage(browser, server.url);
  await chooseLength(page, "Long");
  await say(page, STORY);
  await page.waitForFunction(
    () => (document.querySelector(".answer-text")?.textContent ?? "").length > 0,
  );
  await forgetShifts(page);
  const early = await lastAnswer(page).textContent();
  await answered(page, 1);
  assert.ok((await shifts(page)) < 0.01, `moved by ${await shifts(page)}`);
  const text = await lastAnswer(page).textContent();
  assert.ok(text.length > 100);
  assert.ok(text.startsWith(early.slice(0, 20)));
  assert.match(await page.locator(".thought summary").textContent(), /^Thought for \d+ tokens/);
  assert.equal(await page.locator(".thought").evaluate((one) => one.open), false);
  assert.match(await page.locator(".ending").textContent(), /^Ended by itself\./);
  const facts = await page.locator(".facts").textContent();
  assert.match(facts, /\d+ tokens \(\d+ thinking, \d+ answer\)/);
  assert.match(facts, /tok\/s/);
  assert.match(facts, /€0\.0/);
  assert.match(facts, /seed \d+/);
  await close();
});

test("a limit that was lowered says by whom, before the first token", async () => {
  const { page, close } = await openPage(browser, server.url);
  await chooseLength(page, "Exact");
  await page.getByLabel("Exact limit in tokens").fill("5000");
  await say(page, STORY);
  await answered(page, 1);
  assert.match(await page.locator(".limit-strip").textContent(), /asked 5,000.*→.*600/);
  await page.getByText("What was decided, and by whom").click();
  const table = await page.locator(".decisions").textContent();
  assert.match(table, /max_tokens/);
  assert.match(table, /temperature/);
  await close();
});

test("a cut answer is diagnosed, continued without a seam, or asked again with enough", async () => {
  const { page, close } = await openPage(browser, server.url);
  await page.locator("[data-knob=seed] input").fill("3");
  await chooseLength(page, "Short");
  await say(page, STORY);
  await answered(page, 1);
  assert.match(await page.locator(".ending").textContent(), /^Cut at 50 tokens, .*preset/);
  const cut = await lastAnswer(page).textContent();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForFunction(() =>
    /100|before/.test(document.querySelector(".facts")?.textContent ?? ""),
  );
  await answered(page, 1);
  const more = await lastAnswer(page).textContent();
  assert.ok(more.startsWith(cut) && more.length > cut.length);
  assert.match(await page.locator(".facts").textContent(), /of them from before/);
  // The same in one go: N8 and N2 as a person sees them.
  await chooseLength(page, "Exact");
  await page.getByLabel("Exact limit in tokens").fill("100");
  await page.getByRole("button", { name: "Again", exact: true }).click();
  await page.waitForFunction(
    () => !/from before/.test(document.querySelector(".facts")?.textContent ?? "from before"),
  );
  await answered(page, 1);
  assert.equal(await lastAnswer(page).textContent(), more);
  const tryIt = page.locator(".try-limit");
  const enough = Number(/\d+/.exec(await tryIt.textContent())[0]);
  assert.ok(enough > 100);
  await tryIt.click();
  await page.waitForFunction(
    (wanted) => document.querySelector(".limit-strip")?.textContent?.includes(String(wanted)),
    enough,
  );
  await answered(page, 1);
  assert.ok((await lastAnswer(page).textContent()).startsWith(more));
  await close();
});

test("stop ends it at once and keeps what was said", async () => {
  const { page, close } = await openPage(browser, server.url);
  // The tiny model is quicker than a hand: let the connection be slow.
  const slow = await page.context().newCDPSession(page);
  await slow.send("Network.enable");
  await slow.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 50,
    downloadThroughput: 6000,
    uploadThroughput: 100_000,
  });
  await page.evaluate(() => 0);
  await chooseLength(page, "Long");
  await say(page, STORY);
  await page.getByRole("button", { name: "Stop" }).click();
  await answered(page, 1);
  assert.equal(await page.locator(".ending").textContent(), "Stopped by you.");
  await slow.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  });
  await say(page, "What is 2 + 3?");
  await answered(page, 2);
  await close();
});

test("a locked seed gives the same answer again", async () => {
  const { page, close } = await openPage(browser, server.url);
  await say(page, STORY);
  await answered(page, 1);
  const first = await lastAnswer(page).textContent();
  await page.getByRole("button", { name: "Lock this seed" }).click();
  assert.match(await page.locator("[data-knob=seed] input").inputValue(), /^\d+$/);
  await page.getByRole("button", { name: "Again", exact: true }).click();
  await answered(page, 1);
  assert.equal(await lastAnswer(page).textContent(), first);
  await close();
});

test("a message can be said otherwise, and what came after it goes", async () => {
  const { page, close } = await openPage(browser, server.url);
  for (const [index, text] of ["What is 2 + 3?", "What is 4 + 4?"].entries()) {
    await say(page, text);
    await answered(page, index + 1);
  }
  const edit = page.getByRole("button", { name: "Edit this message" });
  await edit.first().focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".said").first().textContent(), "What is 2 + 3?");
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "Message, edited" }).fill("What is 5 + 5?");
  const sent = page.waitForRequest("**/v1/chat/completions");
  await page.keyboard.press("Enter");
  assert.deepEqual((await sent).postDataJSON().messages, [
    { role: "user", content: "What is 5 + 5?" },
  ]);
  await answered(page, 1);
  assert.deepEqual(await page.locator(".said").allTextContents(), ["What is 5 + 5?"]);
  assert.equal(await page.locator(".conversations .title").textContent(), "What is 5 + 5?");
  await close();
});

test("what a model or a person writes is text, whatever it looks like", async () => {
  const { page, close } = await openPage(browser, server.url);
  const hostile =
    "<img src=x onerror=window.pwned=1><script>window.pwned=1</script> **bold** <b>no</b>";
  await page.route("**/v1/chat/completions", (route) => {
    const body = { ...route.request().postDataJSON(), choice: [hostile] };
    return route.continue({ postData: JSON.stringify(body) });
  });
  await say(page, hostile);
  await answered(page, 1);
  assert.equal(await page.locator(".said").textContent(), hostile);
  const answer = lastAnswer(page);
  assert.equal(await answer.textContent(), hostile.replaceAll("**", ""));
  assert.equal(await answer.locator("strong").textContent(), "bold");
  assert.equal(
    await page.locator(".column img, .column script, .column b:not(.chip b)").count(),
    0,
  );
  assert.equal(await page.evaluate(() => "pwned" in window), false);
  await close();
});

test("knobs come from the server's table and go with the request", async () => {
  const { page, close } = await openPage(browser, server.url);
  const knob = page.locator("[data-knob=temperature]");
  await knob.locator("input[type=text]").fill("0");
  assert.ok(await knob.evaluate((one) => one.classList.contains("is-set")));
  assert.equal(await knob.locator(".neutral").count(), 1);
  await page.getByText(/more settings$/).click();
  await page.getByRole("searchbox", { name: "Find a setting" }).fill("mirostat");
  assert.ok((await page.locator(".more [data-knob]:visible").count()) >= 1);
  const sent = page.waitForRequest("**/v1/chat/completions");
  await say(page, "What is 2 + 3?");
  assert.equal((await sent).postDataJSON().temperature, 0);
  await answered(page, 1);
  await knob.locator("input[type=text]").fill("warm");
  assert.match(await knob.locator(".problem").textContent(), /not a number/);
  await page.getByRole("button", { name: "Reset temperature" }).click();
  assert.equal(await knob.locator("input[type=text]").inputValue(), "");
  await close();
});

test("a refusal is shown in the server's words", async () => {
  const { page, close } = await openPage(browser, server.url, {
    isExpected: (status) => status === 400,
  });
  await page.route("**/v1/chat/completions", (route) =>
    route.continue({
      postData: JSON.stringify({ ...route.request().postDataJSON(), temperature: 1000 }),
    }),
  );
  await say(page, "Hello");
  await answered(page, 1);
  assert.match(await page.locator(".ending.bad").textContent(), /temperature/);
  await close();
});

test("conversations stay in this browser, can be saved, and go when told", async () => {
  const { page, close } = await openPage(browser, server.url);
  await say(page, "What is 2 + 3?");
  await answered(page, 1);
  const said = await lastAnswer(page).textContent();
  await page.reload();
  assert.equal(await lastAnswer(page).textContent(), said);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export as JSON" }).click();
  const saved = JSON.parse(await readFile(await (await download).path(), "utf8"));
  assert.equal(saved.conversations[0].turns[0].text, "What is 2 + 3?");
  await page.getByRole("button", { name: "New conversation" }).first().click();
  await say(page, STORY);
  await answered(page, 1);
  assert.equal(await page.locator(".conversations li").count(), 2);
  await page.locator(".conversations li").last().hover();
  await page
    .locator(".conversations li")
    .last()
    .getByRole("button", { name: /^Delete/ })
    .click();
  assert.equal(await page.locator(".conversations li").count(), 1);
  await close();
});

test("a continuation that is refused leaves the answer as it was, to be gone on with later", async () => {
  const { page, close } = await openPage(browser, server.url, {
    isExpected: (status) => status === 429,
  });
  await chooseLength(page, "Short");
  await say(page, STORY);
  await answered(page, 1);
  const cut = await lastAnswer(page).textContent();
  const facts = await page.locator(".facts").textContent();
  const refuse = (route) =>
    route.fulfill({ status: 429, json: { error: { message: "Too many at once." } } });
  await page.route("**/v1/chat/completions", refuse);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Too many at once.").waitFor();
  assert.equal(await lastAnswer(page).textContent(), cut);
  assert.equal(await page.locator(".facts").textContent(), facts);
  await page.unroute("**/v1/chat/completions", refuse);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForFunction(() =>
    /from before/.test(document.querySelector(".facts")?.textContent ?? ""),
  );
  assert.ok((await lastAnswer(page).textContent()).startsWith(cut));
  await close();
});
