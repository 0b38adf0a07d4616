import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { run } from "../../../cli/run";
import { fakeExec, fakeIo, ownLabHome } from "./world";

ownLabHome();

interface Entry {
  phase: number;
  name: string;
  object: string;
  after: string[];
  experiments: string[];
}

test("plan shows the whole lab in order, with only Node.js", async () => {
  const exec = fakeExec({});
  const folder = mkdtempSync(join(tmpdir(), "lab-plan-"));
  const io = fakeIo({ exec });
  expect(await run(["plan", "--stack", "dev", "--json", "--yaml", folder], io)).toBe(0);
  expect(exec.calls).toEqual([]);
  const { entries, longest } = JSON.parse(io.out()) as { entries: Entry[]; longest: string[] };
  const of = (object: string) => entries.find((entry) => entry.object === object) ?? expect.fail(`no ${object}`);

  // Every edge leads to an earlier phase, and the longest path visits each phase once.
  for (const entry of entries) {
    for (const name of entry.after) expect(entries.find((each) => each.name === name)?.phase).toBeLessThan(entry.phase);
  }
  expect(longest).toHaveLength(entries.at(-1)?.phase ?? 0);
  expect(longest.map((name) => entries.find((entry) => entry.name === name)?.phase)).toEqual(
    longest.map((_, index) => index + 1),
  );
  expect(of("Helm release ztunnel").after).toEqual(expect.arrayContaining(["istio-istiod"]));
  expect(of("Helm release ztunnel").phase).toBeLessThan(of("Namespace/default").phase);
  expect(of("AuthorizationPolicy/appb-l7").experiments).toContain("authz-principals");
  expect(of("VirtualService/appb-fault").experiments).toContain("fault-delay");

  const files = readdirSync(folder).sort();
  const policy = files.find((name) => name.endsWith("authorizationpolicy-appb-l7.yaml")) ?? "";
  expect(parse(readFileSync(join(folder, policy), "utf8"))).toMatchObject({
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "appb-l7", namespace: "default" },
    spec: { targetRefs: [{ kind: "Service", name: "appb" }] },
  });
  const number = (end: string) => Number.parseInt(files.find((name) => name.endsWith(end)) ?? "", 10);
  expect(number("helm-values-istiod.yaml")).toBeLessThan(number("gateway-waypoint.yaml"));
});
