import { describe, expect, it } from "vitest";
import type { Expectation, Probe } from "../../../experiments/types";
import type { AccessLine } from "../../../verify/logs/access-log";
import { parseConnectionLine } from "../../../verify/logs/ztunnel-log";
import type { LabPod } from "../../../verify/pods";
import { type ClientAnswer, type DecisionTarget, decisionFromRecords } from "../../../verify/probe/decision";
import { answerFits, expectationText, judge, targetOf } from "../../../verify/probe/judge";
import type { Records } from "../../../verify/probe/records";
import type { Answer } from "../../../verify/probe/send";
import { type ConnectionFields, connectionLine, refusedByPolicy } from "./fake/lines";

const local = "10.244.1.5:40000";
const rbac = "RBAC: access denied";

const clientPod: LabPod = {
  ...{
    namespace: "default",
    name: "appa-1",
    container: "app",
    uid: "1",
    ip: "10.244.1.5",
    node: "worker",
    host: "172.18.0.3",
    ready: true,
  },
};

const answer = (fields: Partial<Answer> = {}): Answer => ({
  ...{ id: "1", from: "appa", service: "appb", status: 200, headers: { server: "istio-envoy" }, body: "" },
  ...{ seconds: 0.0204, exit: 0, local, clientPod },
  request: {
    ...{ pod: "appa-1", method: "GET", url: "http://appb:8000/get", path: "/get", to: "service", target: "appb" },
    token: false,
  },
  ...fields,
});

const line = (fields: Partial<AccessLine>): AccessLine => ({
  ...{ method: "GET", path: "/get", status: 200, flags: "-", details: "via_upstream", durationMs: 1, requestId: "1" },
  ...{ authority: "appb:8000", upstreamHost: "10.244.1.9:8080", upstreamCluster: "inbound-vip|8000", text: "the line" },
  ...fields,
});

const connection = (fields: Partial<ConnectionFields> = {}) => {
  const text = connectionLine({
    ...{ stamp: "2026-11-23T12:00:00.000Z", direction: "outbound" },
    from: { workload: "appa-1", address: local, principal: "cluster.local/ns/default/sa/appa" },
    to: { workload: "appb-1", address: "10.244.2.7:15008" },
    ...fields,
  });
  const read = parseConnectionLine(text);
  if (!read) throw new Error("not a connection line");
  return read;
};

const nothing: Records = { gateway: { missing: "m" }, waypoint: { missing: "m" }, ztunnel: { missing: "m" } };
const atWaypoint = (fields: Partial<AccessLine>): Records => ({ ...nothing, waypoint: { found: line(fields) } });
const atGateway = (fields: Partial<AccessLine>): Records => ({ ...nothing, gateway: { found: line(fields) } });
const atZtunnel = (...found: ReturnType<typeof connection>[]): Records => ({ ...nothing, ztunnel: { found } });

const denied = (policy: string) => `rbac_access_denied_matched_policy[${policy}]`;
const appb = targetOf("appb");

describe("decisionFromRecords() by the line of the waypoint", () => {
  const because = (fields: Partial<AccessLine>, target: DecisionTarget = appb) => {
    const { line: text, ...decision } = decisionFromRecords(answer(), atWaypoint(fields), target);
    expect(text).toBe("the line");
    return decision;
  };

  it("is the app's answer", () => {
    expect(because({})).toEqual({ layer: "app", action: "answered", because: "200 - via_upstream" });
  });

  it("is the policy that a refusal names, else the one without a matching rule", () => {
    expect(because({ status: 403, details: denied("ns[default]-policy[appb-l7]-rule[0]") })).toEqual({
      ...{ layer: "waypoint", action: "refused", policy: "AuthorizationPolicy/appb-l7" },
      because: "rule ns[default]-policy[appb-l7]-rule[0] denies the request",
    });
    const asked: unknown[] = [];
    const policyCalled: DecisionTarget["policyCalled"] = (policy) => {
      asked.push(policy);
      return undefined;
    };
    expect(because({ details: denied("ns[a.b]-policy[c]-rule[0]") }, { app: "x", policyCalled })).toEqual({
      ...{ layer: "waypoint", action: "refused", because: "rule ns[a.b]-policy[c]-rule[0] denies the request" },
    });
    because({ details: denied("policy[d]") }, { app: "x", policyCalled });
    expect(asked).toEqual([{ namespace: "a.b", name: "c" }, { name: "d" }]);
    const none = { because: "no rule of the ALLOW policy matches the request", layer: "waypoint", action: "refused" };
    expect(because({ details: denied("none") })).toEqual({ ...none, policy: appb.waypointPolicy });
    expect(because({ details: denied("none") }, { app: "x", policyCalled })).toEqual(none);
  });

  it("takes no other details for a refusal by RBAC", () => {
    for (const details of [`x${denied("none")}`, `${denied("none")}x`])
      expect(because({ status: 403, details })).toMatchObject({ layer: "app", action: "failed" });
  });

  it("is the reason that jwt_authn or an external authorizer gives", () => {
    const jwt = { status: 401, details: "jwt_authn_access_denied{Jwt_is_expired}" };
    expect(because(jwt)).toEqual({
      ...{ layer: "waypoint", action: "refused", because: "Jwt_is_expired", policy: appb.authentication },
    });
    for (const details of [`x${jwt.details}`, `${jwt.details}x`])
      expect(because({ ...jwt, details })).toMatchObject({ action: "failed" });
    expect(because({ status: 403, details: "ext_authz_denied" })).toEqual({
      ...{ layer: "waypoint", action: "refused", because: "the external authorizer denies the request" },
    });
  });

  it.each(["NR", "DI,NR", "NotFound"])("is a request without a route with the flags %s", (flags) => {
    expect(because({ status: 404, flags, details: "route_not_found" })).toEqual({
      ...{ layer: "waypoint", action: "refused", because: `no route matches the request (${flags})` },
    });
  });

  it.each(["NRX", "NotFoundX", "XNotFound"])("is no request without a route with the flags %s", (flags) => {
    expect(because({ flags })).toMatchObject({ action: "answered" });
  });

  it("is a refusal of agentgateway's own", () => {
    expect(because({ status: 403, flags: "Authorization", details: "x" })).toEqual({
      ...{ layer: "waypoint", action: "refused", because: "403 Authorization x" },
    });
  });

  it("is a redirect where a route answers by itself with a status from 300 to 399", () => {
    const direct = (status: number) => because({ status, details: "direct_response" });
    const redirected = (status: number) => ({
      ...{ layer: "waypoint", action: "redirected", because: `${status} - direct_response` },
    });
    expect([direct(300), direct(399)]).toEqual([redirected(300), redirected(399)]);
    for (const status of [299, 400]) expect(direct(status)).toMatchObject({ layer: "app", action: "failed" });
    expect(because({ status: 301 })).toMatchObject({ layer: "app", action: "answered" });
  });

  it("is an app that the waypoint did not reach", () => {
    expect(because({ status: 503, flags: "UF", details: "connection_failure" })).toEqual({
      ...{ layer: "app", action: "failed" },
      because: "the waypoint could not reach appb: 503 UF connection_failure",
    });
  });
});

describe("decisionFromRecords() by the line of the gateway", () => {
  const decided = (fields: Partial<AccessLine>) =>
    decisionFromRecords(answer({ from: "host" }), atGateway(fields), appb);
  const at = { layer: "gateway", line: "the line" };

  it("is a host without a route", () => {
    expect(decided({ status: 404, flags: "NR", details: "route_not_found" })).toEqual({
      ...{ ...at, action: "refused", because: "no route matches the host (NR route_not_found)" },
    });
  });

  it("is a refusal, and the policy is unknown if no rule matches", () => {
    expect(decided({ status: 403, details: denied("none") })).toEqual({
      ...{ ...at, action: "refused", because: "no rule of the ALLOW policy matches the request" },
    });
  });

  it("is a redirect", () => {
    expect(decided({ status: 301, details: "direct_response" })).toEqual({
      ...{ ...at, action: "redirected", because: "301 - direct_response" },
    });
  });

  it("is the app's answer, unless the next hop is an HBONE tunnel", () => {
    expect(decided({})).toEqual({ ...at, layer: "app", action: "answered", because: "200 - via_upstream" });
    expect(decided({ upstreamHost: "10.244.1.9:15008" })).toEqual({
      ...{ layer: "app", action: "answered", because: "200 without a record of the waypoint" },
    });
  });

  it("is a next hop that was not reached", () => {
    expect(decided({ status: 503, flags: "UF", details: "x" })).toEqual({
      ...{ ...at, action: "failed" },
      because: "the gateway could not reach inbound-vip|8000 (10.244.1.9:8080): 503 UF x",
    });
    expect(decided({ status: 503, flags: "UH", details: "x", upstreamHost: "-" })).toMatchObject({
      because: "the gateway could not reach inbound-vip|8000 (no endpoint): 503 UH x",
    });
  });

  it("stands behind the line of the waypoint, and before that of ztunnel", () => {
    const refusal = { found: line({ status: 403, details: denied("none"), text: "the gateway's" }) };
    const records = { ...atZtunnel(connection({ error: refusedByPolicy })), gateway: refusal };
    expect(decisionFromRecords(answer({ status: 0 }), records, appb)).toMatchObject({ layer: "gateway" });
    expect(decisionFromRecords(answer(), { ...records, waypoint: { found: line({}) } }, appb)).toMatchObject({
      layer: "app",
    });
  });
});

describe("decisionFromRecords() by the lines of ztunnel", () => {
  const none = answer({ status: 0, exit: 56, error: "reset" });
  const source = { workload: "appa-1", identity: "cluster.local/ns/default/sa/appa" };
  const ends = { source, destination: { workload: "appb-1" } };

  it("is the policy that refused the connection", () => {
    const near = connection({ error: refusedByPolicy });
    expect(decisionFromRecords(none, atZtunnel(near), appb)).toEqual({
      ...{ layer: "ztunnel", action: "reset", because: refusedByPolicy, line: near.text },
      ...{ connection: { direction: "outbound", ...ends }, policy: appb.podPolicy },
    });
    const named = connection({ error: "explicitly denied by: default/closed" });
    expect(decisionFromRecords(none, atZtunnel(named), appb)).toMatchObject({ policy: "AuthorizationPolicy/closed" });
    const { policyCalled } = appb;
    expect(decisionFromRecords(none, atZtunnel(near), { app: "x", policyCalled })).not.toHaveProperty("policy");
  });

  it("is the reason in the latest line of the far side", () => {
    const near = connection({ error: "http status: 401 Unauthorized" });
    const far = (name: string) =>
      connection({
        direction: "inbound",
        from: { workload: "appa-1", address: "x" },
        error: `explicitly denied by: ${name}`,
      });
    const other = connection({ direction: "inbound", from: { workload: "appa-1", address: "x" }, error: "io error" });
    const last = far("second");
    expect(decisionFromRecords(none, atZtunnel(near, far("first"), last, other), appb)).toMatchObject({
      ...{ layer: "ztunnel", action: "reset", because: "explicitly denied by: second", line: last.text },
      ...{ policy: "AuthorizationPolicy/second", connection: { direction: "inbound" } },
    });
    // An error of the near side that is no refusal is not explained by a refusal on the far side.
    expect(decisionFromRecords(none, atZtunnel(connection({ error: "timed out" }), last), appb)).toMatchObject({
      ...{ layer: "ztunnel", action: "failed", because: "timed out" },
    });
    // Nor is the far side's own line about the request.
    const inbound = connection({ direction: "inbound", error: refusedByPolicy });
    expect(decisionFromRecords(none, atZtunnel(inbound, last), appb)).toMatchObject({ because: refusedByPolicy });
  });

  it("is that of the request's own connection", () => {
    const other = connection({ from: { workload: "appa-1", address: "10.244.1.5:40001" }, error: refusedByPolicy });
    expect(decisionFromRecords(none, atZtunnel(other), appb)).toEqual({
      layer: "unknown",
      action: "failed",
      because: "reset",
    });
    const opened = { ...connection({ error: "opened" }), event: "opened" as const };
    const ended = connection({ error: "ended" });
    expect(decisionFromRecords(none, atZtunnel(ended, opened), appb)).toMatchObject({ because: "ended" });
    expect(decisionFromRecords(none, atZtunnel(ended, connection()), appb)).toMatchObject({ layer: "unknown" });
  });
});

describe("decisionFromRecords() by the answer alone", () => {
  const decided = (fields: Partial<ClientAnswer>, records = nothing) =>
    decisionFromRecords(answer(fields), records, appb);

  it("cannot determine which Envoy refused", () => {
    const because = `an Envoy answered "${rbac}", and no log names it`;
    expect(decided({ status: 403, body: rbac })).toEqual({ layer: "unknown", action: "refused", because });
    const blind = { ...nothing, waypoint: { unavailable: "no log" } };
    expect(decided({ status: 403, body: rbac }, blind)).toMatchObject({ because: `${because} (no log)` });
    for (const other of [
      { status: 403, body: "no" },
      { status: 401, body: rbac },
    ])
      expect(decided(other)).toEqual({ layer: "unknown", action: "failed", because: String(other.status) });
  });

  it("is the app's from 200 to 299", () => {
    for (const status of [200, 299])
      expect(decided({ status })).toEqual({
        ...{ layer: "app", action: "answered", because: `${status} without a record of the waypoint` },
      });
    for (const status of [199, 300])
      expect(decided({ status })).toEqual({ layer: "unknown", action: "failed", because: `${status}` });
  });

  it("is the error of curl, or its exit code", () => {
    expect(decided({ status: 0, exit: 28, error: "timed out" })).toMatchObject({ because: "timed out" });
    expect(decided({ status: 0, exit: 28 })).toEqual({ layer: "unknown", action: "failed", because: "curl exit 28" });
  });
});

describe("answerFits()", () => {
  const fits = (expected: Expectation, fields: Partial<Answer>) => answerFits(expected, answer(fields));

  it("takes 2xx and 405 for an answer", () => {
    const by = (status: number) => fits({ outcome: "answered", through: [] }, { status });
    expect([200, 299, 405].map(by)).toEqual([true, true, true]);
    expect([0, 199, 300, 404, 406].map(by)).toEqual([false, false, false, false, false]);
  });

  it("takes for a refusal by a waypoint its status, without a body or with that of RBAC", () => {
    const at = (by: "waypoint" | "gateway", status: number, body: string) =>
      fits({ outcome: "refused", by, status: 403, policy: "AuthorizationPolicy/appb-l7" }, { status, body });
    expect([at("waypoint", 403, ""), at("waypoint", 403, rbac), at("gateway", 403, "a page")]).toEqual([
      true,
      true,
      true,
    ]);
    expect([at("waypoint", 403, "a page"), at("waypoint", 401, ""), at("gateway", 404, rbac)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("takes for a redirect its status and the same request at the other place", () => {
    const to = (location: string | undefined, status = 301) =>
      fits(
        { outcome: "redirected", by: "gateway", status: 301, to: "https://appb.lab:443" },
        { status, headers: location === undefined ? {} : { location } },
      );
    expect(to("https://appb.lab/get?probe=1")).toBe(true);
    const wrong = [
      "https://appb.lab/get?probe=2",
      "https://appb.lab/get",
      "http://appb.lab/get?probe=1",
      "/get?probe=1",
    ];
    expect([...wrong, undefined].map((each) => to(each))).toEqual([false, false, false, false, false]);
    expect(to("https://appb.lab/get?probe=1", 302)).toBe(false);
  });

  it("takes for a reset a connection that was taken and then ended", () => {
    const by = (exit: number) =>
      fits({ outcome: "reset", by: "ztunnel", policy: "AuthorizationPolicy/appb-waypoint-only" }, { status: 0, exit });
    expect([52, 56, 0, 7, 28].map(by)).toEqual([true, true, false, false, false]);
  });
});

describe("judge()", () => {
  const probe = (expected: Expectation): Probe => ({
    ...{ kind: "probe", name: "a probe", from: "appa", to: "service", method: "GET", path: "/get", expect: expected },
  });
  const answered: Expectation = { outcome: "answered", through: ["waypoint"] };
  const refused: Expectation = {
    outcome: "refused",
    by: "waypoint",
    status: 403,
    policy: "AuthorizationPolicy/appb-l7",
  };
  const reset: Expectation = { outcome: "reset", by: "ztunnel", policy: "AuthorizationPolicy/appb-waypoint-only" };
  const refusal = answer({ status: 403, body: rbac });
  const unanswered = answer({ status: 0, exit: 56, error: "reset" });
  const wanted = (expected: Expectation) => expectationText(expected, "waypoint");
  const verdict = (expected: Expectation, seen: Answer, records: Records) => {
    const { verdict, layer, expected: words } = judge(probe(expected), seen, records);
    return { verdict, layer, ...(words === undefined ? {} : { expected: words }) };
  };

  it("passes an answer with the record of its waypoint", () => {
    expect(judge(probe(answered), answer(), atWaypoint({}))).toEqual({
      ...{ name: "a probe", verdict: "pass", layer: "app" },
      seen: "200 in 20 ms; answered by app: 200 - via_upstream",
      decision: { layer: "app", action: "answered", because: "200 - via_upstream", line: "the line" },
      request: { ...answer().request, status: 200 },
      records: { gateway: "missing", waypoint: "found", ztunnel: "missing" },
      evidence: [
        {
          source: "client",
          lines: ["GET http://appb:8000/get from appa-1", '200 {"server":"istio-envoy"}'],
        },
        { source: "waypoint log", lines: ["the line"] },
      ],
    });
  });

  it("passes a reset with the connection and its reason", () => {
    const near = connection({ error: refusedByPolicy });
    const records: Records = { ...atZtunnel(near), waypoint: { unavailable: "gone" } };
    expect(judge(probe(reset), unanswered, records)).toEqual({
      ...{ name: "a probe", verdict: "pass", layer: "ztunnel" },
      seen: `no answer, exit 56 after 20 ms (reset); reset by ztunnel, ${appb.podPolicy}: ${refusedByPolicy}`,
      decision: expect.objectContaining({ layer: "ztunnel", action: "reset" }),
      request: { ...answer().request, status: 0, error: "reset", curlExit: 56 },
      records: { gateway: "missing", waypoint: "unavailable", ztunnel: "found" },
      connections: [expect.objectContaining({ direction: "outbound" })],
      evidence: [
        {
          source: "client",
          lines: ["GET http://appb:8000/get from appa-1", "no answer, exit 56 after 20 ms (reset)"],
        },
        { source: "waypoint log", lines: ["unavailable: gone"] },
        { source: "ztunnel log", lines: [near.text] },
      ],
    });
  });

  it("describes a request of this machine, and has the exit code only for curl in a pod", () => {
    const { pod: _, ...unsent } = answer().request;
    const fields = { exit: 1, status: 0, clientPod: undefined, from: "host" as const };
    const request = { ...unsent, target: "appb.lab", token: true };
    const { request: sent, evidence, seen } = judge(probe(answered), answer({ ...fields, request }), nothing);
    expect(sent).toEqual({ ...request, status: 0 });
    expect(evidence?.[0]?.lines).toEqual(["GET http://appb:8000/get Host: appb.lab with a token", expect.anything()]);
    expect(seen).toBe("no answer, exit 1 after 20 ms; failed by an unknown layer: curl exit 1");
  });

  it("fails another answer at the layer that decided, else at the first that should have a record", () => {
    const expected = wanted(answered);
    const byWaypoint = atWaypoint({ status: 403, details: denied("none") });
    expect(verdict(answered, refusal, byWaypoint)).toEqual({ verdict: "fail", layer: "waypoint", expected });
    expect(verdict(answered, unanswered, nothing)).toEqual({ verdict: "fail", layer: "waypoint", expected });
    const direct: Expectation = { outcome: "answered", through: [] };
    expect(verdict(direct, unanswered, nothing)).toMatchObject({ verdict: "fail", layer: "app" });
  });

  it("fails an answer instead of a refusal at the layer that should have refused", () => {
    expect(verdict(refused, answer(), atWaypoint({}))).toEqual({
      ...{ verdict: "fail", layer: "waypoint", expected: wanted(refused) },
    });
    expect(verdict(reset, answer(), atWaypoint({}))).toMatchObject({ verdict: "fail", layer: "ztunnel" });
    expect(verdict(reset, refusal, atGateway({ details: denied("none") }))).toMatchObject({ layer: "gateway" });
    expect(verdict(reset, answer({ status: 0, exit: 7 }), nothing)).toMatchObject({ layer: "ztunnel" });
  });

  it("fails without the record, and is inconclusive without the log", () => {
    const { seen, ...finding } = judge(probe(answered), answer(), nothing);
    expect(finding).toMatchObject({ verdict: "fail", layer: "waypoint", expected: wanted(answered) });
    expect(seen).toBe("200 in 20 ms; the waypoint has no record of it: the request did not pass the waypoint");
    const blind: Records = { ...nothing, waypoint: { unavailable: "gone" } };
    expect(verdict(answered, answer(), blind)).toEqual({
      ...{ verdict: "inconclusive", layer: "waypoint", expected: wanted(answered) },
    });
    expect(verdict(refused, refusal, blind)).toMatchObject({ verdict: "inconclusive", layer: "waypoint" });
    expect(judge(probe(refused), refusal, nothing)).toMatchObject({
      ...{ verdict: "fail", layer: "waypoint", seen: expect.stringContaining("the waypoint has no record of it") },
    });
  });

  it("fails the expected answer that another layer gave", () => {
    const both: Records = { ...atWaypoint({}), gateway: { found: line({}) } };
    expect(verdict({ outcome: "refused", by: "gateway", status: 403 }, refusal, both)).toMatchObject({
      ...{ verdict: "fail", layer: "app" },
    });
    expect(verdict(answered, answer(), atWaypoint({ details: denied("none") }))).toMatchObject({
      ...{ verdict: "fail", layer: "waypoint" },
    });
  });

  it("fails a refusal for another reason, or by another policy", () => {
    const failed = { verdict: "fail", layer: "waypoint" };
    const none = atWaypoint({ status: 403, details: denied("none") });
    expect(verdict(refused, refusal, none)).toMatchObject({ verdict: "pass" });
    const because = (reason: string): Expectation => ({ ...refused, because: reason });
    expect(verdict(because("no rule"), refusal, none)).toMatchObject({ verdict: "pass" });
    expect(verdict(because("expired"), refusal, none)).toMatchObject(failed);
    const other = atWaypoint({ status: 403, details: denied("ns[default]-policy[other]-rule[0]") });
    expect(verdict(refused, refusal, other)).toMatchObject(failed);
    expect(verdict({ outcome: "refused", by: "waypoint", status: 403 }, refusal, other)).toMatchObject({
      verdict: "pass",
    });
    expect(verdict(reset, unanswered, atZtunnel(connection({ error: "explicitly denied by: other" })))).toMatchObject({
      ...{ verdict: "fail", layer: "ztunnel" },
    });
  });

  it("fails an end by the right layer that is no refusal", () => {
    expect(verdict(reset, unanswered, atZtunnel(connection({ error: "timed out" })))).toEqual({
      ...{ verdict: "fail", layer: "ztunnel", expected: wanted(reset) },
    });
  });
});

describe("expectationText()", () => {
  it("names the layers, the waypoint by its own name", () => {
    const words = (expected: Expectation) => expectationText(expected, "waypoint");
    expect(words({ outcome: "answered", through: [] })).toBe("an answer of the app, with no layer in the way");
    expect(words({ outcome: "answered", through: ["gateway", "waypoint"] })).toBe(
      "an answer of the app, recorded by gateway and waypoint",
    );
    expect(words({ outcome: "refused", by: "gateway", status: 404 })).toBe(
      "404 by gateway, which has no route for the host",
    );
    expect(words({ outcome: "redirected", by: "gateway", status: 301, to: "https://x" })).toBe(
      "301 to https://x by gateway itself",
    );
  });
});
