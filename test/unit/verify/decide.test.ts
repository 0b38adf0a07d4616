import { describe, expect, it } from "vitest";
import { parseConnectionLine } from "../../../verify/logs/ztunnel-log";
import { decisionFromRecords } from "../../../verify/probe/decision";
import { targetOf } from "../../../verify/probe/judge";
import type { Records } from "../../../verify/probe/records";
import type { Answer } from "../../../verify/probe/send";
import { connectionLine, refusedByPolicy } from "./fake/lines";

const base: Answer = {
  id: "1",
  from: "appa",
  service: "appb",
  status: 200,
  headers: {},
  body: "",
  seconds: 0,
  exit: 0,
  request: { method: "GET", url: "http://appb:8000/get", path: "/get", to: "service", target: "appb", token: false },
};

/** Records of a lab whose waypoint writes no access log, and whose ztunnel ended the connection with an error. */
function records(error: string): Records {
  const end = (workload: string) => ({ workload, address: "10.244.1.5:40000", account: workload });
  const stamp = "2026-11-23T12:00:00.000Z";
  const line = parseConnectionLine(
    connectionLine({ stamp, direction: "outbound", from: end("appa"), to: end("waypoint"), error }),
  );
  if (!line) throw new Error("not a connection line");
  const silent = { unavailable: "the waypoint wrote no access line at all during this run" };
  return { gateway: { missing: "not this way" }, waypoint: silent, ztunnel: { found: [line] } };
}

describe("decisionFromRecords()", () => {
  it("ignores ztunnel's error of a connection with an answer", () => {
    const seen = records("while closing connection: send: io error: protocol error");
    expect(decisionFromRecords(base, seen, targetOf("appb"))).toMatchObject({ layer: "app", action: "answered" });
  });

  it("does not take the refusal of an earlier request of the same pod for that of one with an answer", () => {
    expect(decisionFromRecords(base, records(refusedByPolicy), targetOf("appb"))).toMatchObject({
      layer: "app",
      action: "answered",
    });
  });

  it("attributes a missing answer to ztunnel's error of the connection", () => {
    const answer = { ...base, status: 0, exit: 56, local: "10.244.1.5:40000" };
    expect(decisionFromRecords(answer, records("connection refused"), targetOf("appb"))).toMatchObject({
      layer: "ztunnel",
      action: "failed",
    });
  });
});
