import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium";
import { photographGraph } from "./kiali";
import { copyEvidence, recorded, requireNoLab } from "./record";
import { sessions } from "./sessions";
import { digestOf, graphPicture, pictured, pictureFolder, recordings, sampleEvidence, sourcesFile } from "./sources";

const usage = `npm run record               makes lab "dev", records all sessions, and keeps the evidence of "up" with its matrix in docs/sample
npm run record -- NAME …     records these sessions only: ${Object.keys(sessions).join(", ")}
npm run record -- kiali      takes a picture of the graph of lab "dev", which needs the addons prometheus and kiali; needs Chromium
npm run pictures             draws docs/pictures and the sample report from docs/sample; needs Chromium`;

async function main([action, ...names]: readonly string[]): Promise<void> {
  if (action === "record") return record(names.length > 0 ? names : Object.keys(sessions));
  if (action === "draw" && names.length === 0) return draw();
  throw new RangeError(usage);
}

async function record(names: readonly string[]): Promise<void> {
  if (names.join() === "kiali") return recordGraph();
  const chosen = names.map((name) => {
    const session = sessions[name];
    if (!session) throw new RangeError(usage);
    return { name, session };
  });
  if (names.includes("up")) requireNoLab();
  for (const { name, session } of chosen) {
    writeFileSync(join(recordings, `${name}.cast`), await recorded(session));
    if (name === "up") await copyEvidence(sampleEvidence);
  }
}

async function recordGraph(): Promise<void> {
  const { file, source } = graphPicture;
  await withBrowser((browser) => photographGraph(browser, file, ["appa", "waypoint", "appb"]));
  keepDigests([[basename(file), digestOf(source)]]);
}

function keepDigests(digests: readonly (readonly [string, string])[]): void {
  const kept: Record<string, string> = JSON.parse(readFileSync(sourcesFile, "utf8"));
  writeFileSync(sourcesFile, `${JSON.stringify({ ...kept, ...Object.fromEntries(digests) }, null, 2)}\n`);
}

async function draw(): Promise<void> {
  mkdirSync(pictureFolder, { recursive: true });
  const drawn = await pictured();
  for (const { file, content } of drawn.files) writeFileSync(file, content);
  await withBrowser(async (browser) => {
    for (const page of drawn.pages) await photograph(browser, page);
  });
  keepDigests(drawn.pages.map(({ file, html }) => [basename(file), digestOf(html)]));
}

async function withBrowser(use: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await startChromium();
  try {
    await use(browser);
  } finally {
    await browser.close();
  }
}

async function photograph(
  browser: Browser,
  { file, html, colorScheme, height }: Awaited<ReturnType<typeof pictured>>["pages"][number],
) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1040, height }, reducedMotion: "reduce" });
  await page.setContent(html);
  await page.screenshot({ path: file });
  await page.close();
}

void main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
