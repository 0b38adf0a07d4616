import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEvidence, recordTimeline } from "../../cli/report/evidence";
import { renderHtml } from "../../cli/report/html/page";
import { reachPage } from "../../cli/report/html/reach-page";
import { chromiumPath, startChromium } from "../../tools/pictures/chromium";
import { evidenceFolder, poison } from "../support/evidence";
import { differingMatrix } from "../support/matrix";
import { requires } from "../support/skip";

const skip = chromiumPath() ? false : requires("the report in a browser", { programs: ["chromium"] });

describe.skipIf(skip)("the report in Chromium", () => {
  let browser: Browser;
  let file = "";
  const pictures = process.env.LAB_SCREENSHOTS;

  beforeAll(async () => {
    const folder = await evidenceFolder();
    poison(folder);
    file = await pageOf(folder);
    if (pictures) mkdirSync(pictures, { recursive: true });
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  async function pageOf(folder: string): Promise<string> {
    const path = join(folder, "report.html");
    writeFileSync(path, await renderHtml(readEvidence(folder)));
    return path;
  }

  async function open(
    options: Parameters<Browser["newPage"]>[0],
    path = file,
  ): Promise<{ page: Page; noise: string[] }> {
    const page = await browser.newPage(options);
    const noise: string[] = [];
    page.on("console", (message) => noise.push(message.text()));
    page.on("pageerror", (error) => noise.push(error.message));
    page.on("request", (request) => {
      if (request.url() !== pathToFileURL(path).href) noise.push(request.url());
    });
    await page.goto(pathToFileURL(path).href);
    return { page, noise };
  }

  test.each([
    ["light", 1100],
    ["dark", 1100],
    ["light", 390],
  ] as const)("is quiet and fits the window, %s at %d pixels", async (colorScheme, width) => {
    const { page, noise } = await open({ colorScheme, viewport: { width, height: 900 } });
    expect(noise).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    if (pictures) await page.screenshot({ path: join(pictures, `report-${colorScheme}-${width}.png`), fullPage: true });
    await page.close();
  });

  test.each(["light", "dark"] as const)("has no violation of accessibility rules, %s", async (colorScheme) => {
    const { page } = await open({ colorScheme }, await pageOf(await evidenceFolder()));
    expect(await violations(page)).toEqual([]);
    await page.close();
  });

  test("has its text in enough contrast, in both themes", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await open({ colorScheme });
      expect(await page.evaluate(lowContrast), colorScheme).toEqual([]);
      await page.close();
    }
  });

  test("names every drawing for a screen reader", async () => {
    const { page } = await open({});
    expect(await page.locator("svg").count()).toBeGreaterThan(10);
    expect(await page.locator("svg:not([role=img])").count()).toBe(0);
    expect(await page.locator("svg:not([aria-label]):not([aria-labelledby])").count()).toBe(0);
    await page.close();
  });

  test.each([{}, { faultDelay: "500ms", faultPath: "/anything/with/a/long/path" }, { faultPercent: 1 }])(
    "cuts no text of a drawing off, with %j",
    async (settings) => {
      const folder = await evidenceFolder(settings);
      recordTimeline(folder, "dev", [{ title: `Lab "${"a".repeat(32)}"`, startMs: 0, ms: 90_000 }]);
      const { page } = await open({ viewport: { width: 1100, height: 900 } }, await pageOf(folder));
      expect(await page.locator("svg text").count()).toBeGreaterThan(50);
      expect(await page.evaluate(cutOff)).toEqual([]);
      await page.close();
    },
  );

  test("prints what a reader wants on paper: findings, and no raw evidence", async () => {
    const { page } = await open({}, await pageOf(await evidenceFolder()));
    const pdf = await page.pdf({ format: "A4" });
    const pages = pdf.toString("latin1").match(/\/Type \/Page\b/g) ?? [];
    expect(pages.length).toBeGreaterThan(5);
    expect(pages.length).toBeLessThan(25);
    await page.emulateMedia({ media: "print" });
    expect(await page.locator(".finding").first().isVisible()).toBe(true);
    expect(await page.locator(".raw pre").first().isVisible()).toBe(false);
    await page.close();
  });
});

describe.skipIf(skip)("the matrix in Chromium", () => {
  let browser: Browser;
  let file = "";
  const pictures = process.env.LAB_SCREENSHOTS;

  beforeAll(async () => {
    file = join(mkdtempSync(join(tmpdir(), "lab-matrix-")), "matrix.html");
    writeFileSync(file, reachPage(await differingMatrix()));
    if (pictures) mkdirSync(pictures, { recursive: true });
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  test.each([
    ["light", 1100],
    ["dark", 1100],
    ["light", 360],
    ["dark", 360],
  ] as const)("is accessible, loads nothing and fits the window, %s at %d pixels", async (colorScheme, width) => {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    const noise: string[] = [];
    page.on("console", (message) => noise.push(message.text()));
    page.on("request", (request) => noise.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    expect(noise).toEqual([pathToFileURL(file).href]);
    // A cell opens where it stands.
    await page.locator("details.cell.differ summary").first().click();
    for (const details of await page.locator("#differences details").all()) await details.locator("summary").click();
    expect(await page.locator("details.cell.differ dl").first().isVisible()).toBe(true);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(lowContrast)).toEqual([]);
    if (pictures) await page.screenshot({ path: join(pictures, `matrix-${colorScheme}-${width}.png`), fullPage: true });
    await page.close();
  });

  test("can be used with the keyboard alone", async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    const cell = page.locator("details.cell").first();
    await cell.locator("summary").focus();
    await page.keyboard.press("Enter");
    expect(await cell.locator("dl").innerText()).toMatch(/Configuration[\s\S]*Mesh/);
    await page.close();
  });
});

/** Rules of axe-core that a page violates, with the first element of each. */
async function violations(page: Page): Promise<string[]> {
  // The page's policy lets no script run; one of the debugging protocol is none of the page.
  await page.evaluate(axe.source);
  const found = await page.evaluate<axe.AxeResults>("axe.run()");
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.length}, ${nodes[0]?.html}`);
}

/** Texts of drawings that leave their drawing. */
const cutOff = `[...document.querySelectorAll("svg text")].flatMap((text) => {
  const [inner, outer] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
  const inside = inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
  return inside ? [] : [text.textContent];
})`;

/** Texts of the page whose contrast with what is behind them is below WCAG's 4.5 to 1. */
const lowContrast = `(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => { for (let e = element; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c; } return [255, 255, 255]; };
  const texts = [...document.querySelectorAll("h1,h2,h3,p,td,th,a,summary,code,pre,dt,dd,li,.badge,figcaption")];
  return [...new Set(texts.flatMap((e) => { const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); return ratio < 4.5 ? [e.tagName + "." + e.className + " " + ratio.toFixed(2)] : []; }))];
})()`;
