import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import type { Exec } from "../../../host/exec";
import { castText, parseCast } from "../../../tools/pictures/cast";
import { photographGraph } from "../../../tools/pictures/kiali";
import { recorded } from "../../../tools/pictures/record";
import {
  digestOf,
  graphPicture,
  pictured,
  recordings,
  sampleEvidence,
  sourcesFile,
} from "../../../tools/pictures/sources";
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

  test("a picture of a page is not older than the page (npm run pictures; for kiali.png npm run record -- kiali)", () => {
    const shown = [...drawn.pages.map(({ file, html }) => ({ file, source: html })), graphPicture];
    const digests = shown.map(({ file, source }) => [basename(file), digestOf(source)]);
    expect(JSON.parse(readFileSync(sourcesFile, "utf8"))).toEqual(Object.fromEntries(digests));
    for (const { file } of shown) expect(existsSync(file), file).toBe(true);
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
    const files = [recordings, sampleEvidence].flatMap((folder) =>
      readdirSync(folder).map((file) => join(folder, file)),
    );
    const texts = files.filter((file) => /\.(cast|json)$/.test(file)).map((file) => readFileSync(file, "utf8"));
    expect(texts.length).toBeGreaterThan(6);
    for (const text of texts)
      expect(text).not.toMatch(/-----BEGIN|eyJ[\w-]{8,}\.|(?<![\w-])\/(home\/(?!dev\b)|root\/)/);
  });
});

describe("recorded()", () => {
  const session = {
    title: "t",
    commands: [
      ["run", "a", "[b]"],
      ["run", "c"],
    ],
    undo: [["run", "d"]],
  };
  const quiet = () => undefined;
  const shell = (failing?: string) => {
    const calls: string[] = [];
    const exec: Exec = async (file, args, { onLine } = {}) => {
      calls.push([file, ...args].join(" "));
      onLine?.(`saved in ${homedir()}/x`);
      return { command: "", code: args[1] === failing ? 1 : 0, stdout: "", stderr: "" };
    };
    return { calls, exec };
  };

  test("has each command as it is typed, and its output without the folder of the user", async () => {
    const { calls, exec } = shell();
    const { lines } = parseCast(await recorded(session, exec, quiet));
    expect(lines.map(({ text }) => text)).toEqual([
      ...["$ npm run a '[b]'", "saved in ~/x"],
      ...["$ npm run c", "saved in ~/x"],
    ]);
    expect(calls).toEqual(["npm run a [b]", "npm run c", "npm run d"]);
  });

  test("ends with the first command that fails, and undoes what was changed", async () => {
    const { calls, exec } = shell("a");
    await expect(recorded(session, exec, quiet)).rejects.toThrow("\"npm run a '[b]'\" ended with 1");
    expect(calls).toEqual(["npm run a [b]", "npm run d"]);
  });
});

describe("photographGraph()", () => {
  /** A browser whose pages have these nodes in their graph. */
  const browser = (nodes: readonly string[]) => {
    const done: string[] = [];
    const page = {
      goto: async (url: string) => void done.push(url),
      locator: (_: string, { hasText }: { hasText: string }) => ({
        first: () => ({
          waitFor: async () => {
            if (!nodes.includes(hasText)) throw new Error(`no node ${hasText}`);
          },
        }),
      }),
      screenshot: async ({ path }: { path: string }) => void done.push(path),
      close: async () => undefined,
    };
    return { done, browser: { newPage: async () => page } as unknown as Browser };
  };
  /** npm, whose `open` forwards until it is aborted, or fails. */
  const npm = (failure?: string) => {
    const ended: string[] = [];
    const exec: Exec = async (_, args, { onLine, signal } = {}) => {
      const verb = args.find((arg) => ["open", "traffic", "verify"].includes(arg)) ?? "";
      if (verb === "open" && !failure) {
        onLine?.("http://127.0.0.1:4711/kiali");
        await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      }
      ended.push(verb);
      return { command: "", code: verb === "open" && failure ? 1 : 0, stdout: "", stderr: failure ?? "" };
    };
    return { ended, exec };
  };

  test("sends requests, opens the address that the lab prints, and ends the forwarding", async () => {
    const [{ done, browser: chrome }, { ended, exec }] = [browser(["appb"]), npm()];
    await photographGraph(chrome, "kiali.png", ["appb"], exec);
    expect(done).toEqual(["http://127.0.0.1:4711/kiali", "kiali.png"]);
    expect(ended).toEqual(["verify", "traffic", "verify", "open"]);
  });

  test("takes no picture of a graph without the workloads", async () => {
    const [{ done, browser: chrome }, { ended, exec }] = [browser(["appb"]), npm()];
    await expect(photographGraph(chrome, "kiali.png", ["appb", "gateway-istio"], exec)).rejects.toThrow(
      "no node gateway-istio",
    );
    expect(done).toEqual(["http://127.0.0.1:4711/kiali"]);
    expect(ended).toEqual(["verify", "traffic", "verify", "open"]);
  });

  test("names the problem when the dashboard cannot be opened", async () => {
    const { browser: chrome } = browser([]);
    await expect(photographGraph(chrome, "kiali.png", [], npm("Lab has no kiali").exec)).rejects.toThrow(
      "Lab has no kiali",
    );
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

  test("colours a wrapped line by its mark, and no legend and no option", () => {
    const long = parseCast(
      castText(10, 24, [
        { at: 0, text: "✓ two rows of it\n" },
        { at: 0, text: "get pods  -A\n" },
        { at: 0, text: "✓ a ✗ b\n" },
      ]),
    );
    const rows = [...terminalSvg(long, "").matchAll(/<text class="l([^"]*)"[^>]*>([^<]*)</g)];
    expect(rows.map(([, mark, text]) => [text, mark])).toEqual([
      ["✓ two rows", " ok"],
      [" of it", " ok"],
      ["get pods  ", ""],
      ["-A", ""],
      ["✓ a ✗ b", ""],
    ]);
  });

  test("leaves time to read before the next command", () => {
    const typing = parseCast(
      castText(
        80,
        24,
        ["$ a", "b", "$ c", "d"].map((text) => ({ at: 0, text: `${text}\n` })),
      ),
    );
    const delays = [...terminalSvg(typing, "").matchAll(/animation-delay:([\d.]+)s/g)].map(([, delay]) =>
      Number(delay),
    );
    const waits = delays.map((delay, index) => delay - (delays[index - 1] ?? 0));
    expect(waits.map((wait) => wait > 2)).toEqual([false, false, true, false]);
  });
});
