import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { exec, firstOnPath } from "../../host/exec";
import { castText } from "./cast";
import { pictured, pictureFolder, recordings, sourcesFile } from "./sources";

/**
 * `record NAME PROGRAM ARGS…` records a command of a real lab; `draw` draws every picture from the recordings and the sample
 * evidence. Pictures of pages need Chromium.
 */
async function main([action, ...rest]: readonly string[]): Promise<void> {
  if (action === "record") return record(rest);
  if (action === "draw") return draw();
  throw new RangeError("The actions are: record NAME PROGRAM ARGS…, draw");
}

async function record([name = "", file = "", ...args]: readonly string[]): Promise<void> {
  const began = performance.now();
  const at = () => (performance.now() - began) / 1_000;
  const outputs = [{ at: 0, text: `$ ${[file, ...args].join(" ")}\n` }];
  const onLine = (line: string) => {
    outputs.push({ at: at(), text: `${line}\n` });
    process.stderr.write(`${line}\n`);
  };
  const { code } = await exec(file, args, { onLine, timeoutMs: 3_600_000 });
  if (code !== 0) throw new Error(`${file} ended with ${code}: nothing was recorded`);
  mkdirSync(recordings, { recursive: true });
  writeFileSync(join(recordings, `${name}.cast`), castText(100, 24, outputs));
}

async function draw(): Promise<void> {
  mkdirSync(pictureFolder, { recursive: true });
  const drawn = await pictured();
  for (const { file, content } of drawn.files) writeFileSync(file, content);
  const program = ["chromium", "google-chrome", "chromium-browser"]
    .map((each) => firstOnPath(each, process.env))
    .find(Boolean);
  if (!program) throw new Error("No chromium on the PATH: the pictures of pages cannot be drawn");
  const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    for (const page of drawn.pages) await photograph(browser, page);
  } finally {
    await browser.close();
  }
  const hashes = drawn.pages.map(({ file, html }) => [basename(file), createHash("sha256").update(html).digest("hex")]);
  writeFileSync(sourcesFile, `${JSON.stringify(Object.fromEntries(hashes), null, 2)}\n`);
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
