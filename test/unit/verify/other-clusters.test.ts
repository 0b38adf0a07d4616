import { describe, expect, it } from "vitest";
import type { LabSettings } from "../../../config/schema";
import { renderText, verifyLab } from "../../../verify";
import { ApiError } from "../../../verify/kube/rest";
import type { FakeState } from "./fake/state";
import { fakeWorld } from "./fake/world";

const verified = async (change: (state: FakeState) => void, settings: Partial<LabSettings> = {}) => {
  const lab = await fakeWorld(settings);
  change(lab.state);
  return verifyLab(lab.state.facts, { lab, clock: lab.state.clock });
};
const modules = ["l4-l7", "strict-mtls"] as const;

describe("a cluster of another kind", () => {
  const kinds: [string, (state: FakeState) => void][] = [
    ["IPv6 addresses", (state) => Object.assign(state, { ipv6: true })],
    ["access logs in JSON", (state) => Object.assign(state, { json: true })],
  ];

  it.each(kinds)("with %s is proven like any other", async (_name, change) => {
    const report = await verified(change, { modules: [...modules] });
    expect(renderText(report, { colour: false })).toMatch(/PASS {2}/);
  });

  it.each(kinds)("with %s is no pass where the policy is gone", async (_name, change) => {
    const report = await verified((state) => {
      change(state);
      state.objects.delete("AuthorizationPolicy/default/appb-l7");
      state.objects.delete("AuthorizationPolicy/default/appb-waypoint-only");
    });
    const failed = report.results.filter(({ verdict }) => verdict === "fail").map(({ id }) => id);
    expect(failed).toEqual(expect.arrayContaining(["bypass", "authz-methods", "authz-principals"]));
  });

  it("with one worker is proven, but for what needs two", async () => {
    const report = await verified(() => undefined, { workers: 1, modules: [...modules] });
    const other = report.results.filter(({ verdict }) => verdict !== "pass");
    expect(other.map(({ id, verdict }) => [id, verdict])).toEqual([]);
  });

  it("with another trust domain is no pass, and the identity is shown", async () => {
    const report = await verified((state) => Object.assign(state, { trustDomain: "td.example" }));
    const certificates = report.results.find(({ id }) => id === "certificates");
    expect(report.verdict).toBe("fail");
    expect(certificates?.findings[0]).toMatchObject({ verdict: "fail", seen: expect.stringContaining("td.example") });
  });

  it("where the login may list objects in its own namespaces alone is inconclusive, and the rights are named", async () => {
    const lab = await fakeWorld();
    const list = lab.list;
    lab.list = async (what, signal) => {
      if (what.namespace !== undefined || what.kind === "Pod") return list(what, signal);
      const answer = { status: 403, seconds: 0, headers: {}, body: JSON.stringify({ message: "is forbidden" }) };
      throw new ApiError({ method: "GET", path: `/${what.kind}`, headers: {} }, answer);
    };
    const report = await verifyLab({ ...lab.state.facts, cluster: "existing" }, { lab, clock: lab.state.clock });
    expect(report.verdict).toBe("inconclusive");
    const others = report.results.flatMap(({ findings }) => findings).filter(({ seen }) => /may not list/.test(seen));
    expect(others).toMatchObject([{ verdict: "inconclusive", layer: "api-server" }]);
    expect(others[0]?.seen).toContain("authorizationpolicies.security.istio.io, ");
    expect(report.results.filter(({ verdict }) => verdict === "fail")).toEqual([]);
    expect(report.health.map(({ what }) => what).join()).toMatch(
      /^the login of context ".*" may not list .* in all namespaces/,
    );
    expect(report.health[0]?.fix).toContain(" auth can-i list ");
  });
});
