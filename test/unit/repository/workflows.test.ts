import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { istioHub } from "../../../config/image-names";
import { artifactsOf, versions } from "../../../config/versions";
import { workflows } from "../../support/shell-commands";

const root = join(__dirname, "../../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

describe("workflows", () => {
  test("pin each action by the commit of one version, with the version beside it", () => {
    const used = workflows.flatMap((file) => [...read(file).matchAll(/uses: (\S+)@(.*)/g)]);
    expect(used.length).toBeGreaterThan(10);
    const pins = new Map<string, Set<string>>();
    for (const [, action = "", pin = ""] of used) pins.set(action, (pins.get(action) ?? new Set()).add(pin));
    for (const [action, found] of pins) {
      expect([...found], action).toEqual([expect.stringMatching(/^[0-9a-f]{40} # v\d+\.\d+\.\d+$/)]);
    }
  });
});

describe("the gate for policies", () => {
  const file = "examples/workflows/prove-policies.yml";
  const { jobs } = parse(read(file));

  test("installs the versions that the lab is tested with, from where the lab has them", () => {
    const { ISTIO, GATEWAY_API, CHARTS } = jobs.prove.env;
    expect({ ISTIO, GATEWAY_API }).toEqual({ ISTIO: versions.istio, GATEWAY_API: versions.gatewayApi });
    const bill = artifactsOf({ istioVersion: versions.istio, metallbVersion: versions.metallb });
    expect(bill.find(({ name }) => name === "istiod")?.upstream).toBe(CHARTS);
    const manifest = bill.find(({ name }) => name === "gateway-api")?.upstream ?? "";
    expect(read(file)).toContain(manifest.replace(versions.gatewayApi, "$GATEWAY_API"));
    const hubs = [...read(file).matchAll(/hub=([^\s"]+)/g)].map(([, hub]) => hub);
    expect(new Set(hubs)).toEqual(new Set([istioHub]));
  });

  test("keeps the report of a run that fails", () => {
    const steps: { uses?: string; if?: string; with?: { path?: string } }[] = jobs.prove.steps;
    const upload = steps.find(({ uses }) => uses?.startsWith("actions/upload-artifact@"));
    expect(upload).toMatchObject({ if: expect.stringContaining("always()"), with: { path: "prove.xml" } });
  });
});
