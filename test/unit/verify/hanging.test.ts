import { expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { fakeWorld } from "./fake/world";

it("waits for the timeout of a request without an answer, and names the layer that did not answer", async () => {
  const lab = await fakeWorld();
  const { state } = lab;
  state.nodesWithoutZtunnel.add("ambient-lab-dev-worker2");
  const { exec } = lab;
  lab.exec = async (pod, command, timeoutMs, signal) => {
    // Longer than a positive may take to converge, shorter than one request may take.
    await state.clock.sleep(60, signal);
    return exec(pod, command, timeoutMs, signal);
  };
  const report = await verifyLab(state.facts, {
    lab,
    clock: state.clock,
    only: ["authz-principals"],
    timings: { convergeMs: 20 },
  });
  const appa = report.results[0]?.findings.find(({ name }) => name === "appa may GET /get");
  expect(appa).toMatchObject({ verdict: "fail" });
  expect(appa?.seen).not.toContain("did not end");
});
