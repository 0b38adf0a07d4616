import { existsSync, readFileSync } from "node:fs";
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

test("the README stays below 150 lines", () => {
  expect(textOf("README.md").split("\n").length).toBeLessThan(150);
});
