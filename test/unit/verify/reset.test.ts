import { describe, expect, it } from "vitest";
import { principalOf } from "../../../config/vocabulary";
import { verifyLab } from "../../../verify";
import { parseConnectionLine } from "../../../verify/logs/ztunnel-log";
import { decisionFromRecords } from "../../../verify/probe/decision";
import { targetOf } from "../../../verify/probe/judge";
import type { Answer } from "../../../verify/probe/send";
import { connectionLine, refusedByPolicy } from "./fake/lines";
import { type FakeWorld, fakeWorld } from "./fake/world";

const local = "10.244.1.5:40000";
const answer: Answer = {
  ...{ id: "1", from: "appa", service: "appb", status: 0, headers: {}, body: "", seconds: 0, exit: 56 },
  request: { method: "GET", url: "http://appb:8000/get", path: "/get", to: "service", target: "appb", token: false },
  local,
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
  decisionFromRecords(
    answer,
    { gateway: { missing: "-" }, waypoint: { missing: "-" }, ztunnel: { found } },
    targetOf("appb"),
  );

describe("a connection without an answer", () => {
  const unauthorized = "http status: 401 Unauthorized";

  it("was reset by a policy if its own line has the error of the server's ztunnel", () => {
    const far = line("inbound", "10.244.1.5:33333", refusedByPolicy);
    expect(decided(far, line("outbound", local, unauthorized))).toMatchObject({
      ...{ layer: "ztunnel", action: "reset", policy: "AuthorizationPolicy/appb-waypoint-only" },
      because: refusedByPolicy,
    });
    expect(decided(line("outbound", local, unauthorized))).toMatchObject({ action: "reset" });
    expect(decided(line("inbound", local, refusedByPolicy))).toMatchObject({ action: "reset" });
  });

  it("is found by the last line with its port, which an earlier connection also used", () => {
    const closing = "while closing connection: send: io error: protocol error";
    const [earlier, own] = [line("outbound", local, closing), line("outbound", local, unauthorized)];
    expect(decided(earlier, own)).toMatchObject({ action: "reset" });
    expect(decided(own, earlier)).toMatchObject({ action: "failed" });
  });

  it("was not reset by the policy that refused another one of the same workload", () => {
    const earlier = line("inbound", "10.244.1.5:33333", refusedByPolicy);
    expect(decided(earlier, line("outbound", local, "connection refused"))).toMatchObject({ action: "failed" });
    expect(decided(earlier)).toMatchObject({ layer: "unknown", action: "failed" });
  });
});

describe("verifyLab() where connections end for want of a way", () => {
  const verdictOf = async (lab: FakeWorld, id: string) => {
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: [id] });
    return results[0]?.verdict;
  };

  it("does not pass bypass", async () => {
    const lab = await fakeWorld();
    lab.state.unreachable = true;
    expect(await verdictOf(lab, "bypass")).toBe("fail");
  });

  it("is inconclusive about bypass where the lines bear other ports than the clients had", async () => {
    const lab = await fakeWorld();
    const { exec } = lab;
    lab.exec = async (...call) => {
      const result = await exec(...call);
      return { ...result, stdout: result.stdout.replace(/"local_port":\d+/, '"local_port":1') };
    };
    expect(await verdictOf(lab, "bypass")).toBe("inconclusive");
  });

  it("uses another source port each time, below the kernel's ephemeral range", async () => {
    const lab = await fakeWorld();
    const { exec } = lab;
    const ranges: string[] = [];
    lab.exec = async (pod, command, ...rest) => {
      if (command.includes("--local-port")) ranges.push(command[command.indexOf("--local-port") + 1] ?? "");
      return exec(pod, command, ...rest);
    };
    expect(await verdictOf(lab, "bypass")).toBe("pass");
    expect(ranges.length).toBeGreaterThan(3);
    expect(new Set(ranges).size).toBe(ranges.length);
    for (const range of ranges) expect(range).toMatch(/^(2\d|3[01])\d{3}-(2\d|3[012])\d{3}$/);
  });

  it("names the policy that refused, although the server's ztunnel logs it late", async () => {
    const lab = await fakeWorld();
    const like = structuredClone(lab.state.get("AuthorizationPolicy/default/appb-waypoint-only"));
    like.metadata = { ...like.metadata, name: "stray-deny" };
    like.spec = {
      ...Object(like.spec),
      action: "DENY",
      rules: [{ from: [{ source: { principals: [principalOf("appa")] } }] }],
    };
    lab.state.objects.set("AuthorizationPolicy/default/stray-deny", like);
    const { logs } = lab;
    let hidden = 3;
    lab.logs = async (...call) => {
      const lines = await logs(...call);
      const late = lines.findIndex((text) => text.includes("stray-deny"));
      if (late < 0) return lines;
      hidden -= 1;
      return hidden >= 0 ? lines.slice(0, late) : lines;
    };
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["bypass"] });
    expect(results[0]?.verdict).toBe("fail");
    expect(results[0]?.findings.map(({ decision }) => decision?.policy)).toContain("AuthorizationPolicy/stray-deny");
  });

  it("does not pass fail-open by the lines of an earlier act", async () => {
    const lab = await fakeWorld({ modules: ["fail-open"] });
    lab.beforePatch = (operations) => {
      if (operations.some(({ op, path }) => op === "replace" && path === "/metadata/labels"))
        lab.state.unreachable = true;
    };
    expect(await verdictOf(lab, "fail-open")).toBe("fail");
  });
});
