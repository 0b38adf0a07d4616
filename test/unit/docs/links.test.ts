import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { pages } from "../../support/shell-commands";

const root = join(__dirname, "../../..");
const textOf = (page: string) => readFileSync(join(root, page), "utf8");

/** Anchors of a page, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const text = textOf(page);
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replace(/\s/g, "-"),
  );
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)];
}

test.each(pages)("every link of %s leads somewhere in the repository", (page) => {
  const links = [...textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
  const dead = links.filter((link) => {
    const [path = "", anchor] = link.split("#");
    const file = path === "" ? page : join(dirname(page), path);
    return !existsSync(join(root, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
  });
  expect(dead).toEqual([]);
});

const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
  .map(({ name }) => name);
/** Paths that begin with a folder of the repository and hold no placeholder such as VERSION. */
const pathsIn = (text: string): string[] =>
  [...text.matchAll(new RegExp(`(?<![\\w./-])(?:${folders.join("|")})/[\\w./-]*[\\w-]`, "g"))]
    .map(([path]) => path)
    .filter((path) => !/[A-Z]{2}/.test(path));
/** Decisions name files of their time. */
const current = pages.filter((page) => !page.includes("/decisions/"));

test.each(current)("every path that %s names exists", (page) => {
  expect(pathsIn(textOf(page)).filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("paths are found in tables, sentences and code, and not inside of other paths", () => {
  const text =
    "| `verify/run.ts` | see cli/stack/, `node cli/none.ts` `cli/kind-OS-ARCH` and https://example.org/test/a or ~/config/b.";
  expect(pathsIn(text)).toEqual(["verify/run.ts", "cli/stack", "cli/none.ts"]);
  expect(pathsIn(textOf("docs/explanation/architecture.md")).length).toBeGreaterThan(50);
});

test("every page of docs/ is found from the README", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    for (const [, link = ""] of textOf(page).matchAll(/\]\((?!https?:)([^)#\s]+\.md)(?:#[^)]*)?\)/g)) {
      reached.add(join(dirname(page), link));
    }
  }
  const lost = pages.filter((page) => page.startsWith("docs/") && !page.includes("/decisions/") && !reached.has(page));
  expect(lost).toEqual([]);
});

// Pages by purpose, as https://diataxis.fr divides them: a reader sees at once whether the page is for them.
test.each(pages.filter((page) => page.startsWith("docs/") && !/\/(decisions|sample)\//.test(page)))(
  "%s says first who it is for",
  (page) => {
    expect(textOf(page)).toMatch(/^# .+\n\nFor /);
  },
);

test("the README stays below 150 lines", () => {
  expect(textOf("README.md").split("\n").length).toBeLessThan(150);
});
