import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { castText, parseCast } from "../../../tools/pictures/cast";
import { pictured, recordings, sampleEvidence, sourcesFile } from "../../../tools/pictures/sources";
import { terminalSvg } from "../../../tools/pictures/terminal-svg";
import { fakeIo } from "../cli/world";

describe("the pictures of docs/", () => {
  let drawn: Awaited<ReturnType<typeof pictured>>;
  beforeAll(async () => {
    drawn = await pictured();
  });

  test("drawings and the sample report are what the code draws now (npm run docs)", async () => {
    expect(drawn.files.length).toBeGreaterThan(2);
    for (const { file, content } of drawn.files) await expect(content).toMatchFileSnapshot(file);
  });

  test("a picture of a page is not older than the page (npm run pictures)", () => {
    const digests = drawn.pages.map(({ file, html }) => [
      basename(file),
      createHash("sha256").update(html).digest("hex"),
    ]);
    expect(JSON.parse(readFileSync(sourcesFile, "utf8"))).toEqual(Object.fromEntries(digests));
    for (const { file } of drawn.pages) expect(existsSync(file), file).toBe(true);
  });

  test("the recordings show commands that can be typed", async () => {
    for (const name of readdirSync(recordings).filter((file) => file.endsWith(".cast"))) {
      const { lines } = parseCast(readFileSync(join(recordings, name), "utf8"));
      const commands = lines.flatMap(({ text }) => (/^\$ npm run /.test(text) ? [text.slice(2)] : []));
      expect(commands.length, name).toBeGreaterThan(0);
      for (const command of commands) {
        const [, verb = ""] = /^npm run (?:--silent )?(?:lab -- )?(\w+)/.exec(command) ?? [];
        expect(await run([verb, "--help"], fakeIo()), command).toBe(0);
      }
    }
  });

  test("the sample has no private data", () => {
    const texts = readdirSync(sampleEvidence).map((file) => readFileSync(join(sampleEvidence, file), "utf8"));
    for (const text of texts) expect(text).not.toMatch(/-----BEGIN|eyJ[\w-]{8,}\.|\/home\/(?!dev\b)|\/root\//);
  });
});

describe("terminalSvg()", () => {
  const cast = parseCast(
    castText(80, 24, [
      { at: 0, text: "$ a <b>\n" },
      { at: 100, text: "✓ c\n" },
      { at: 100.2, text: "d" },
    ]),
  );

  test("shows every line, and does not wait as long as the command did", () => {
    const svg = terminalSvg(cast, "A & B");
    expect(svg).toContain('<title id="title">A &amp; B</title>');
    expect([...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text)).toEqual(["$ a &lt;b&gt;", "✓ c", "d"]);
    const delays = [...svg.matchAll(/animation-delay:([\d.]+)s/g)].map(([, delay]) => Number(delay));
    expect(delays[1]).toBeLessThan(2);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
  });
});
