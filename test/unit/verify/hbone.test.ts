import { describe, expect, it } from "vitest";
import { principalOf } from "../../../experiments/names";
import { verifyLab } from "../../../verify";
import { type FakeWorld, fakeWorld } from "./fake/world";

const series = (reporter: string, from: string, to: string, value: number) =>
  `istio_tcp_connections_opened_total{reporter="${reporter}",source_principal="spiffe://${principalOf(from)}",destination_principal="spiffe://${principalOf(to)}",connection_security_policy="mutual_tls"} ${value}`;

/** A lab whose ztunnel counts what `count` says at each read. */
async function counting(count: () => number) {
  const lab = await fakeWorld();
  const podGet = lab.podGet;
  lab.podGet = async (pod, port, path, signal) => {
    if (port !== 15020 || !pod.name.startsWith("ztunnel")) return podGet(pod, port, path, signal);
    const body = [series("source", "appa", "waypoint", count()), series("destination", "waypoint", "appb", count())];
    return { status: 200, headers: {}, body: body.join("\n"), seconds: 0 };
  };
  return lab;
}

const run = (lab: FakeWorld) => verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["hbone"] });

describe("hbone by ztunnel's counters", () => {
  it("is proven by counters that grow when no log can be read", async () => {
    let connections = 0;
    const lab = await counting(() => ++connections);
    lab.state.logsBroken = true;
    expect((await run(lab)).verdict).toBe("pass");
  });

  it("is not proven by what was counted before the apps left the mesh", async () => {
    const lab = await counting(() => 7);
    lab.state.get("Namespace//default").metadata = { name: "default", labels: {} };
    const { results } = await run(lab);
    expect(results[0]).toMatchObject({ verdict: "fail", layer: "ztunnel" });
  });
});
