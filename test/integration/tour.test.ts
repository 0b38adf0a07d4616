import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { serveTour, type TourServer } from "../../cli/tour/server";
import { TourSession } from "../../cli/tour/session";
import { chromiumPath, startChromium } from "../../tools/pictures/chromium";
import { requires } from "../support/skip";
import { fakeTourLab } from "../support/tour";

const skip = chromiumPath() ? false : requires("the tour in a browser", { programs: ["chromium"] });

describe.skipIf(skip)("the tour in Chromium", () => {
  let browser: Browser;
  let server: TourServer | undefined;
  const pictures = process.env.LAB_SCREENSHOTS;

  beforeAll(async () => {
    if (pictures) mkdirSync(pictures, { recursive: true });
    browser = await startChromium();
  });
  afterAll(() => browser?.close());
  afterEach(() => server?.close());

  async function open(first: string, options: Parameters<Browser["newPage"]>[0] = {}) {
    const lab = fakeTourLab();
    server = await serveTour(new TourSession(lab), first);
    const page = await browser.newPage({ reducedMotion: "reduce", ...options });
    const noise: string[] = [];
    page.on("console", (message) => noise.push(message.text()));
    page.on("pageerror", (error) => noise.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(new URL(server?.url ?? "").origin)) noise.push(request.url());
    });
    await page.goto(server.url);
    return { page, noise, lab };
  }

  const press = async (page: Page, name: string) => {
    // The part of the page before the click has neither the running action nor its end.
    await page.evaluate("document.querySelector('#state').dataset.before = ''");
    await page.getByRole("button", { name }).click();
    await page.locator("#state:not([hx-get]):not([data-before])").waitFor();
  };
  const violations = async (page: Page) => {
    await page.evaluate(axe.source);
    const { violations: found } = (await page.evaluate("axe.run()")) as axe.AxeResults;
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
  };
  const picture = (page: Page, name: string) =>
    pictures ? page.screenshot({ path: join(pictures, `tour-${name}.png`), fullPage: true }) : undefined;

  test("a change is previewed, applied, verified by the request's records, and undone", async () => {
    const { page, noise, lab } = await open("caller");
    expect(await page.getByRole("button").allTextContents()).toEqual(["Show what changes"]);
    await press(page, "Show what changes");
    expect(await page.locator("#state").textContent()).toContain("AuthorizationPolicy appb-l7");
    await press(page, "Apply the change");
    await press(page, "Verify");
    expect(await page.locator("#state .badge").first().textContent()).toBe("pass");
    expect(await page.locator(".way .hop.stopped").count()).toBeGreaterThan(0);
    expect(await violations(page)).toEqual([]);
    await picture(page, "caller");
    await press(page, "Undo the change");
    expect(await page.getByRole("button").allTextContents()).toEqual(["Show what changes"]);
    expect(lab.calls.map((call) => call.split(" ")[0])).toEqual(["preview", "up", "verify", "up"]);
    expect(noise).toEqual([]);
    await page.close();
  });

  test("arrow keys go to the next step and back", async () => {
    const { page } = await open("identity");
    await page.keyboard.press("ArrowRight");
    await page.waitForURL(/\/way-in$/);
    expect(await page.locator("h1").textContent()).toBe("The gateway routes requests by host");
    await page.keyboard.press("ArrowLeft");
    await page.waitForURL(/\/identity$/);
    await page.close();
  });

  test.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 768],
    ["dark", 360],
  ] as const)(
    "fits the window and has no violation of accessibility rules, %s at %d pixels",
    async (colorScheme, width) => {
      const { page } = await open("waypoint", { colorScheme, viewport: { width, height: 800 } });
      await press(page, "Verify");
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      expect(await violations(page)).toEqual([]);
      await picture(page, `${colorScheme}-${width}`);
      await page.close();
    },
  );
});
