import { expect, test } from "vitest";
import { appNamespace } from "../../../config/vocabulary";
import { workloads } from "../../../experiments/names";
import { verifyLab } from "../../../verify";
import { at } from "../../../verify/json";
import { hasSidecar, sidecarOf } from "./fake/state";
import { fakeWorld } from "./fake/world";

test.each([
  ["cost-policies", "cost-sidecar"],
  ["interop", "interop-sidecar"],
  ["interop", "interop-sidecar-strict"],
  ["cost", "cost-sidecar"],
  ["cost", "cost-sidecar-client"],
])(
  "%s is inconclusive where the log of the sidecar of %s is rotated during the run and lines are lost",
  async (id, role) => {
    const lab = await fakeWorld({ modules: ["cost"] });
    const pod = lab.state.podOf(role);
    if (!pod) throw new Error(`The fake lab has no ${role}`);
    const { name } = sidecarOf(pod);
    lab.state.log({ name }, (stamp) => `[${stamp}] "GET /earlier HTTP/1.1" 200`, 0);
    // Only a reader that was opened at the start of the run knows the line: a first read later begins at the start of the run.
    await lab.state.clock.sleep(60_000, new AbortController().signal);
    const { logs, rotatedLogs } = lab;
    const isIts = (target: { name: string; container: string }) =>
      target.name === pod.name && target.container === "istio-proxy";
    lab.logs = async (target, since, signal) => {
      const lines = await logs(target, since, signal);
      if (isIts(target) && !lab.state.rotations.has(name)) lab.state.rotations.set(name, 1);
      return lines;
    };
    lab.rotatedLogs = async (target, signal) => (isIts(target) ? [] : rotatedLogs(target, signal));
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: [id] });
    const missed = results.flatMap(({ findings }) => findings.filter(({ verdict }) => verdict !== "pass"));
    expect(results.map(({ verdict }) => verdict)).toEqual(["inconclusive"]);
    for (const { layer, seen } of missed) {
      expect(layer).toBe("sidecar");
      expect(seen).toContain(`logs of ${pod.name}: the log was rotated, and earlier lines of this run are lost`);
    }
  },
);

test("the workloads with a sidecar are those into whose pods istiod injects one", async () => {
  const { state } = await fakeWorld({ modules: ["cost"] });
  const injected = Object.keys(workloads).filter((name) => {
    const key = `Deployment/${appNamespace}/${name}`;
    if (!state.objects.has(key)) return false;
    return hasSidecar({
      labels: at(state.get(key), "spec", "template", "metadata", "labels") as Record<string, string>,
    });
  });
  expect(Object.keys(workloads).filter((name) => workloads[name as keyof typeof workloads].sidecar)).toEqual(injected);
  expect(injected).toContain("cost-sidecar");
});
