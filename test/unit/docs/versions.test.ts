import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../../config/load";
import { platforms } from "../../../config/schema";
import { istioMinors } from "../../../config/versions";

const page = (name: string) => readFileSync(join(__dirname, "../../../docs", name), "utf8");
const settings = (text: string) => [...text.matchAll(/^npm run lab -- config set (.+)$/gm)].map(([, set = ""]) => set);
const cluster = { cluster: "existing", kubeconfig: "/k", context: "c", appImage: "registry.test/a:1" };

test("docs/how-to/upgrade-istio.md shows the table of config/versions.ts", () => {
  const rows = [...page("how-to/upgrade-istio.md").matchAll(/^\| (\d.*) \|$/gm)].map(([, row]) => row);
  expect(rows).toEqual(
    istioMinors.map(({ minor, from, kubernetes, gatewayApi, gatewayApiRange }) =>
      [`${minor}, from ${from}`, kubernetes, gatewayApi, gatewayApiRange].join(" | "),
    ),
  );
});

describe("docs/how-to/use-an-existing-cluster.md", () => {
  const text = page("how-to/use-an-existing-cluster.md");

  test("has settings", () => {
    expect(settings(text).length).toBeGreaterThan(8);
  });

  test.each(settings(text))("the configuration takes: %s", (set) => {
    const [, key = "", value = ""] = /^(\w+) '?([^']+)'?$/.exec(set) ?? [];
    const wanted: unknown = parse(value);
    expect(parseConfig({ ...cluster, [key]: wanted })).toMatchObject({ [key]: wanted });
  });

  test("names every platform", () => {
    for (const platform of platforms) expect(text).toContain(`\`${platform}\``);
  });
});
