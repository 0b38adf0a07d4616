import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { decide } from "../../../verify/decide";
import { parseConnectionLine } from "../../../verify/parse/ztunnel-log";
import type { Answer } from "../../../verify/send";
import { connectionLine, refusedByPolicy } from "./fake/lines";
import { FakeWorld } from "./fake/world";

const local = "10.244.1.5:40000";
const answer: Answer = {
  ...{ id: "1", from: "appa", service: "appb", status: 0, headers: {}, body: "", seconds: 0, exit: 56 },
  ...{ request: "GET", local },
};

function line(direction: "inbound" | "outbound", address: string, error: string) {
  const [from, to] = [
    { workload: "appa", address, account: "appa" },
    { workload: "appb", address: "10.244.2.6:15008", account: "appb" },
  ];
  const stamp = "2026-11-23T12:00:00.000Z";
  return parseConnectionLine(connectionLine({ stamp, direction, from, to, error })) ?? expect.fail("no line");
}

const decided = (...found: ReturnType<typeof line>[]) =>
  decide(answer, { gateway: { missing: "-" }, waypoint: { missing: "-" }, ztunnel: { found } });

describe("a connection without an answer", () => {
  const unauthorized = "http status: 401 Unauthorized";

  it("was reset by a policy when its own line says so, in the words of the far side", () => {
    const far = line("inbound", "10.244.1.5:33333", refusedByPolicy);
    expect(decided(far, line("outbound", local, unauthorized))).toMatchObject({
      ...{ layer: "ztunnel", action: "reset", policy: "AuthorizationPolicy/appb-waypoint-only" },
      because: refusedByPolicy,
    });
    expect(decided(line("outbound", local, unauthorized))).toMatchObject({ action: "reset" });
    expect(decided(line("inbound", local, refusedByPolicy))).toMatchObject({ action: "reset" });
  });

  it("was not reset by the policy that refused another one of the same workload", () => {
    const earlier = line("inbound", "10.244.1.5:33333", refusedByPolicy);
    expect(decided(earlier, line("outbound", local, "connection refused"))).toMatchObject({ action: "failed" });
    expect(decided(earlier)).toMatchObject({ layer: "unknown", action: "failed" });
  });
});

describe("verifyLab() where connections end for want of a way", () => {
  const verdictOf = async (world: FakeWorld, id: string) => {
    const { results } = await verifyLab(world.state.facts, { world, clock: world.state.clock, only: [id] });
    return results[0]?.verdict;
  };

  it("does not pass bypass", async () => {
    const world = new FakeWorld();
    world.state.unreachable = true;
    expect(await verdictOf(world, "bypass")).toBe("fail");
  });

  it("does not pass fail-open by the lines of an earlier act", async () => {
    const world = new FakeWorld({ modules: ["fail-open"] });
    world.beforePatch = (operations) => {
      if (operations.some(({ op, path }) => op === "replace" && path === "/metadata/labels"))
        world.state.unreachable = true;
    };
    expect(await verdictOf(world, "fail-open")).toBe("fail");
  });
});
