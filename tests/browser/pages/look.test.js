import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "../start.js";
import { answered, objections, openPage, say, tokensOf } from "./harness.js";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Brings each page to a state worth looking at. */
const PAGES = {
  "#/chat": async (page) => {
    await say(page, "Make a list of three fruits.");
    await answered(page, 1);
  },
  "#/compare": async (page) => {
    await page.getByText("Change settings").first().click();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("button", { name: "Run", exact: true }).waitFor();
  },
  "#/compare/limits": async (page) => {
    await page.getByRole("button", { name: "Run once" }).click();
    await page.getByRole("button", { name: "Run once" }).waitFor();
  },
  "#/trace": async (page) => {
    await page.getByRole("button", { name: "Trace", exact: true }).click();
    await page.getByRole("button", { name: "Trace", exact: true }).waitFor();
  },
  "#/usage": async (page) => {
    await page.locator(".page-usage table").waitFor();
  },
  "#/api": async (page) => {
    await page.locator(".try").waitFor();
  },
};

for (const [hash, prepare] of Object.entries(PAGES)) {
  test(`${hash} fits every width in both themes, and passes the accessibility check`, async () => {
    const { page, close } = await openPage(browser, server.url, { hash });
    await prepare(page);
    for (const width of [1440, 768, 360]) {
      await page.setViewportSize({ width, height: width < 600 ? 740 : 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${over} pixels too wide for ${width}`);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await objections(page), [], `${width} ${colorScheme}`);
      }
    }
    await close();
  });
}

test("the sheets of a small screen open, hold the focus, and close with Escape", async () => {
  const { page, close } = await openPage(browser, server.url, { width: 360 });
  for (const name of ["Settings", "Conversations"]) {
    await page.getByRole("button", { name, exact: true }).click();
    const sheet = page.getByRole("dialog", { name });
    await sheet.waitFor();
    assert.deepEqual(await objections(page), [], name);
    assert.ok(await sheet.evaluate((dialog) => dialog.contains(document.activeElement)));
    await page.keyboard.press("Escape");
    await sheet.waitFor({ state: "hidden" });
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute("aria-label")),
      name,
    );
  }
  await close();
});

test("the theme button goes through light, dark and the system's, and is remembered", async () => {
  const { page, close } = await openPage(browser, server.url, { theme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const system = await paper();
  const button = page.getByRole("button", { name: /^Theme/ });
  await button.click();
  assert.equal(await paper(), system);
  await button.click();
  const dark = await paper();
  assert.notEqual(dark, system);
  await page.reload();
  assert.equal(await paper(), dark);
  await button.click();
  assert.equal(await paper(), system);
  await close();
});

test("everything can be done with the keyboard alone", async () => {
  const { page, close } = await openPage(browser, server.url);
  const reach = async (isThere, key = "Tab") => {
    for (let presses = 0; presses < 80; presses += 1) {
      await page.keyboard.press(key);
      if (await page.evaluate(isThere)) return;
    }
    assert.fail("the focus never came there");
  };
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  await reach(() => document.activeElement?.matches("textarea.message") === true);
  await page.keyboard.type("What is 2 + 3?");
  await reach(() => document.activeElement?.matches(".length input") === true);
  await page.keyboard.press("ArrowRight");
  await reach(() => document.activeElement?.matches("textarea.message") === true, "Shift+Tab");
  await page.keyboard.press("Enter");
  await answered(page, 1);
  await reach(() => document.activeElement?.matches(".decided summary") === true, "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.locator(".decisions").waitFor();
  await reach(() => document.activeElement?.getAttribute("href") === "#/trace", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Trace", exact: true }).waitFor();
  await reach(
    () =>
      document.activeElement?.textContent === "Trace" && document.activeElement.matches("button"),
  );
  await page.keyboard.press("Enter");
  await tokensOf(page).first().waitFor();
  await page.getByRole("button", { name: "Trace", exact: true }).waitFor();
  await reach(() => document.activeElement?.getAttribute("role") === "option");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator(".walk").textContent(), /step 2 of/);
  await close();
});

test("a screen reader hears beginnings and ends, not tokens", async () => {
  const { page, close } = await openPage(browser, server.url);
  await page.evaluate(() => {
    const heard = [];
    Object.assign(window, { heard });
    const place = document.getElementById("announcer");
    new MutationObserver(() => {
      if (place.textContent !== "") heard.push(place.textContent);
    }).observe(place, { childList: true, characterData: true, subtree: true });
  });
  await say(page, "Tell me a story about a fox.");
  await answered(page, 1);
  await page.waitForFunction(() => window.heard.some((words) => words.includes("Answer complete")));
  const heard = await page.evaluate(() => window.heard);
  assert.ok(heard.length <= 2, JSON.stringify(heard));
  const live = await page
    .locator("[aria-live]:not([aria-live=off]), [role=status], [role=log], [role=alert]")
    .evaluateAll(
      (all) =>
        all.filter((one) => one.closest(".answer-text") || one.querySelector(".answer-text"))
          .length,
    );
  assert.equal(live, 0);
  await close();
});
