import { describe, expect, it } from "vitest";
import { principalOf } from "../../../config/vocabulary";
import { verifyLab } from "../../../verify";
import { edit } from "./fake/breaks";
import { type FakeWorld, fakeWorld } from "./fake/world";

/** The labels of a counter of connections, as far as the proof reads them. */
interface Connections {
  reporter: string;
  from: string;
  to: string;
  policy: string;
}

const series = ({ reporter, from, to, policy }: Connections, value: number) =>
  `istio_tcp_connections_opened_total{reporter="${reporter}",source_principal="spiffe://${principalOf(from)}",destination_principal="spiffe://${principalOf(to)}",connection_security_policy="${policy}"} ${value}`;

const appaToWaypoint = { reporter: "source", from: "appa", to: "waypoint", policy: "mutual_tls" };
const waypointToAppb = { reporter: "destination", from: "waypoint", to: "appb", policy: "mutual_tls" };

/** A lab whose ztunnel counts what `count` returns at each read, and more connections beside them. */
async function counting(count: () => number, more: () => string = () => "") {
  const lab = await fakeWorld();
  const podGet = lab.podGet;
  lab.podGet = async (pod, port, path, signal) => {
    if (port !== 15020 || !pod.name.startsWith("ztunnel")) return podGet(pod, port, path, signal);
    const body = [series(appaToWaypoint, count()), series(waypointToAppb, count()), more()];
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

  it.each([
    ["another caller", { from: "stranger" }],
    ["another peer", { to: "appa" }],
    ["the other end", { reporter: "destination" }],
    ["plain TCP", { policy: "none" }],
  ])("is not proven by connections of %s", async (_, other) => {
    let connections = 0;
    const lab = await counting(
      () => 0,
      () => series({ ...appaToWaypoint, ...other }, ++connections),
    );
    lab.state.logsBroken = true;
    const { results } = await run(lab);
    expect(results[0]?.findings[0]).toMatchObject({ name: "appa → waypoint", verdict: "fail" });
  });
});

describe("hbone by ztunnel's log", () => {
  const impostor = (deployment: string) =>
    edit(`Deployment/default/${deployment}`, ["spec", "template", "spec", "serviceAccountName"], "impostor");

  it("is not proven while the peer of appa has another identity than the waypoint's", async () => {
    const lab = await fakeWorld();
    impostor("waypoint")(lab.state);
    const { results } = await run(lab);
    expect(results[0]?.findings[0]).toMatchObject({
      ...{ name: "appa → waypoint", verdict: "fail", layer: "waypoint" },
      seen: expect.stringContaining(`spiffe://${principalOf("appa")} → spiffe://${principalOf("impostor")}`),
    });
  });

  it("is not proven while appa has another identity than its own", async () => {
    const lab = await fakeWorld();
    impostor("appa")(lab.state);
    const { results } = await run(lab);
    expect(results[0]?.findings[0]).toMatchObject({
      ...{ name: "appa → waypoint", verdict: "fail", layer: "ztunnel" },
      seen: expect.stringContaining(`spiffe://${principalOf("impostor")} → spiffe://${principalOf("waypoint")}`),
    });
  });

  it("is not proven while the peer of the waypoint has another identity than appb's", async () => {
    const lab = await fakeWorld();
    impostor("appb")(lab.state);
    const { verdict, results } = await run(lab);
    expect(verdict).not.toBe("pass");
    expect(results[0]?.findings.map((finding) => finding.verdict)).toEqual(["pass", expect.not.stringMatching("pass")]);
  });
});
