import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { textAt } from "../../../verify/json";
import { parseAccessLine } from "../../../verify/logs/access-log";
import { isPolicyRefusal, parseConnectionLine } from "../../../verify/logs/ztunnel-log";
import { parseMetrics } from "../../../verify/probe/metrics";
import { recordedFolder, requires } from "../../support/skip";
import { accessLine, connectionLine, jsonAccessLine, refusedByPolicy } from "./fake/lines";

/** istio 1.30.3 and 1.31.0-rc.0, pilot/pkg/model/telemetry_logging.go: EnvoyTextLogFormat, operator by operator. */
const textFormat = [
  ...["[%START_TIME%]", '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"', "%RESPONSE_CODE%"],
  ...["%RESPONSE_FLAGS%", "%RESPONSE_CODE_DETAILS%", "%CONNECTION_TERMINATION_DETAILS%"],
  ...['"%UPSTREAM_TRANSPORT_FAILURE_REASON%"', "%BYTES_RECEIVED%", "%BYTES_SENT%", "%DURATION%"],
  ...["%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%", '"%REQ(X-FORWARDED-FOR)%"', '"%REQ(USER-AGENT)%"'],
  ...['"%REQ(X-REQUEST-ID)%"', '"%REQ(:AUTHORITY)%"', '"%UPSTREAM_HOST%"', "%UPSTREAM_CLUSTER_RAW%"],
  ...["%UPSTREAM_LOCAL_ADDRESS%", "%DOWNSTREAM_LOCAL_ADDRESS%", "%DOWNSTREAM_REMOTE_ADDRESS%"],
  ...["%REQUESTED_SERVER_NAME%", "%ROUTE_NAME%"],
].join(" ");

/** The same files: EnvoyJSONLogFormatIstio, in the order in which Envoy writes keys. */
const jsonKeys = [
  ...["authority", "bytes_received", "bytes_sent", "connection_termination_details", "downstream_local_address"],
  ...["downstream_remote_address", "duration", "method", "path", "protocol", "request_id", "requested_server_name"],
  ...["response_code", "response_code_details", "response_flags", "route_name", "start_time", "upstream_cluster"],
  ...["upstream_host", "upstream_local_address", "upstream_service_time", "upstream_transport_failure_reason"],
  ...["user_agent", "x_forwarded_for"],
];

/** ztunnel 1.30.3 and 1.31.0-rc.0, src/proxy/metrics.rs: fields of access_log (src.cluster and dst.cluster came with 1.31). */
const ztunnelFields = {
  "1.30": ends("src").concat(ends("dst"), rest()),
  "1.31": [...ends("src"), "src.cluster", ...ends("dst"), "dst.cluster", ...rest()],
};

function ends(end: "src" | "dst"): string[] {
  const target = end === "dst" ? ["dst.hbone_addr", "dst.service"] : [];
  return [`${end}.addr`, ...target, ...["workload", "namespace", "identity"].map((field) => `${end}.${field}`)];
}
function rest(): string[] {
  return ["direction", "bytes_sent", "bytes_recv", "duration", "error"];
}

const values: Readonly<Record<string, string>> = {
  "%START_TIME%": "2026-11-28T19:09:09.597Z",
  "%REQ(:METHOD)%": "GET",
  "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%": "/headers?probe=7",
  "%PROTOCOL%": "HTTP/1.1",
  "%RESPONSE_CODE%": "200",
  "%RESPONSE_FLAGS%": "DI",
  "%RESPONSE_CODE_DETAILS%": "via_upstream",
  "%BYTES_RECEIVED%": "0",
  "%BYTES_SENT%": "264",
  "%DURATION%": "2001",
  "%REQ(USER-AGENT)%": "curl/8.14.1 (x86_64, with blanks)",
  "%REQ(X-REQUEST-ID)%": "id-7",
  "%REQ(:AUTHORITY)%": "appb:8000",
  "%UPSTREAM_HOST%": "envoy://connect_originate/10.244.1.5:8080",
  "%UPSTREAM_CLUSTER_RAW%": "inbound-vip|8000|http|appb.default.svc.cluster.local",
};

/** A line as Envoy writes it in a format; an operator without a value is "-". */
const written = (format: string): string => format.replace(/%[^%]+%/g, (operator) => values[operator] ?? "-");

const expected = {
  ...{ method: "GET", path: "/headers?probe=7", status: 200, flags: "DI", details: "via_upstream", durationMs: 2001 },
  ...{ requestId: "id-7", authority: "appb:8000", upstreamHost: "envoy://connect_originate/10.244.1.5:8080" },
  upstreamCluster: "inbound-vip|8000|http|appb.default.svc.cluster.local",
};

const sample = {
  ...{ stamp: "2026-11-28T19:09:09.597Z", method: "GET", path: "/headers?probe=7", status: 200, flags: "DI" },
  ...{ details: "via_upstream", durationMs: 2001, id: "id-7", authority: "appb:8000" },
  ...{ upstream: expected.upstreamHost, cluster: expected.upstreamCluster },
};

describe("Envoy's access log in Istio's formats", () => {
  it("is read operator by operator", () => {
    expect(parseAccessLine(written(textFormat))).toMatchObject(expected);
  });

  it("is what the fake lab writes", () => {
    const shape = textFormat.replace(/[[\]()|?.*+]/g, "\\$&").replaceAll(/%[^%]+%/g, '[^"\\]]*?');
    expect(accessLine(sample)).toMatch(new RegExp(`^${shape}$`));
    expect(parseAccessLine(accessLine(sample))).toMatchObject(expected);
  });

  it("is read as JSON as well, with null where there is no value", () => {
    expect(Object.keys(JSON.parse(jsonAccessLine(sample))).sort()).toEqual(jsonKeys);
    expect(parseAccessLine(`2026-11-28T19:09:10Z ${jsonAccessLine(sample)}`)).toMatchObject(expected);
    const denied = { ...sample, flags: "-", upstream: "-", details: "rbac_access_denied_matched_policy[none]" };
    expect(parseAccessLine(jsonAccessLine(denied))).toMatchObject({ upstreamHost: "-", details: denied.details });
  });
});

describe("ztunnel's access log", () => {
  const address = "[fd00:10:244:1::5]:40000";
  const line = connectionLine({
    ...{ stamp: "2026-11-28T19:09:09.597Z", direction: "inbound", inner: "10.244.2.6:8080", error: refusedByPolicy },
    from: { workload: "appa-1", address, principal: "cluster.local/ns/default/sa/appa" },
    to: { workload: "appb-1", address: "10.244.2.6:15008", principal: "cluster.local/ns/default/sa/appb" },
  });

  it.each(Object.entries(ztunnelFields))("is read field by field, as ztunnel %s writes it", (minor, names) => {
    const shown = minor === "1.31" ? line : line.replaceAll(/ (src|dst)\.cluster="\w+"/g, "");
    const read = parseConnectionLine(shown);
    expect(Object.keys(read?.fields ?? {})).toEqual(names);
    expect(read).toMatchObject({ level: "error", event: "complete", direction: "inbound", error: refusedByPolicy });
    expect(read?.fields["src.addr"]).toBe(address);
  });
});

const folder = recordedFolder();
const recorded = (file: string): string => readFileSync(join(folder, file), "utf8");

describe.skipIf(requires("the formats of a recorded Istio", { recorded: true }))("a recorded Istio", () => {
  /** The formats of all access logs in a dump. */
  function formatsIn(value: unknown): string[] {
    if (typeof value !== "object" || value === null) return [];
    const own = textAt(value, "logFormat", "textFormatSource", "inlineString");
    return [...(own ? [own] : []), ...Object.values(value).flatMap(formatsIn)];
  }

  it.each(["istiod-gateway.json", "istiod-waypoint.json"])("%s has the access log's format", (file) => {
    const formats = new Set(formatsIn(JSON.parse(recorded(file))));
    expect([...formats]).toEqual([`${textFormat}\n`]);
  });

  it("ztunnel's lines are read, each of them, field by field", () => {
    const lines = recorded("ztunnel-access.log").trim().split("\n");
    const read = lines.map((line) => parseConnectionLine(line));
    expect(read.filter((line) => line === undefined)).toEqual([]);
    for (const line of read) {
      const names = Object.keys(line?.fields ?? {});
      expect(names).toEqual(ztunnelFields["1.31"].filter((name) => names.includes(name)));
    }
    const errors = read.flatMap((line) => (line?.error === undefined ? [] : [[line.error, isPolicyRefusal(line)]]));
    expect(new Map(errors as [string, boolean][])).toEqual(
      new Map([
        ["send: io error: stream error received: unexpected internal error encountered", false],
        [refusedByPolicy, true],
        ["http status: 401 Unauthorized", true],
      ]),
    );
  });

  it("ztunnel counts connections with the labels that the verifier selects", () => {
    const series = parseMetrics(recorded("ztunnel-metrics.txt")).filter(
      ({ name }) => name === "istio_tcp_connections_opened_total",
    );
    const proven = series.filter(
      ({ labels }) =>
        labels.connection_security_policy === "mutual_tls" &&
        labels.source_principal === "spiffe://cluster.local/ns/default/sa/waypoint" &&
        labels.destination_principal === "spiffe://cluster.local/ns/default/sa/appb",
    );
    expect(series.length).toBeGreaterThan(30);
    expect(proven.map(({ labels }) => labels.reporter)).toContain("destination");
    for (const { value } of series) expect(value).toBeGreaterThan(0);
  });
});
