import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { parseReport } from "../../../verify/cost/load";
import { parseUsage } from "../../../verify/cost/usage";
import { parseAccessLine } from "../../../verify/logs/access-log";
import { parseConnectionLine } from "../../../verify/logs/ztunnel-log";
import { parseCurl, parseCurlMany } from "../../../verify/probe/curl";
import { parseGrpc } from "../../../verify/probe/grpc-call";
import { parseLoadAnswers } from "../../../verify/probe/load";
import { parseMetrics } from "../../../verify/probe/metrics";
import { parsePcap } from "../../../verify/probe/pcap";
import { parseEnvoyDump, proxySummarySchema } from "../../../verify/proxy-config/envoy-dump";
import { parseZtunnelDump } from "../../../verify/proxy-config/ztunnel-dump";
import { damaged, distorted, holds, isWhole, printCounts, timeout } from "../../support/fuzz";
import { gatewayConfig, waypointConfig, ztunnelConfig } from "./fake/dumps";
import { pcapOf } from "./fake/pcap";
import { fakeWorld } from "./fake/world";

afterAll(printCounts);

const accessLine =
  '[2026-11-23T10:00:00.123Z] "GET /headers?probe=7 HTTP/1.1" 200 DI via_upstream - "-" 0 264 2001 1 "-" "curl/8.5.0" "7" "appb:8000" "10.244.1.5:8080" inbound-vip|8000|http|appb.default.svc.cluster.local - 10.96.65.30:8000 10.244.2.5:41234 - default';
const agentgatewayLine =
  "2026-11-24T23:15:43.332151Z\tinfo\trequest gateway=default/agentgateway route=default/apph endpoint=10.244.1.6:8080 http.method=GET http.host=apph http.path=/get http.status=200 protocol=http duration=3ms";
// Istio's JSON format: pilot/pkg/model/telemetry_logging.go, EnvoyJSONLogFormatIstio.
const jsonLine =
  '{"authority":"appb:8000","bytes_received":0,"bytes_sent":264,"connection_termination_details":null,"downstream_local_address":"10.96.65.30:8000","downstream_remote_address":"10.244.2.5:41234","duration":2001,"method":"GET","path":"/headers?probe=7","protocol":"HTTP/1.1","request_id":"7","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"DI","route_name":"default","start_time":"2026-11-23T10:00:00.123Z","upstream_cluster":"inbound-vip|8000|http|appb.default.svc.cluster.local","upstream_host":"10.244.1.5:8080","upstream_local_address":null,"upstream_service_time":"1","upstream_transport_failure_reason":null,"user_agent":"curl/8.5.0","x_forwarded_for":null}';
const connectionLine =
  '2026-11-28T19:09:09.621882Z\terror\taccess\tconnection complete\tsrc.addr=10.244.2.7:3458 src.workload="appa-1" src.identity="spiffe://cluster.local/ns/default/sa/appa" dst.addr=10.244.2.5:15008 dst.service="appb.default.svc.cluster.local" direction="inbound" bytes_sent=0 duration="0ms" error="connection closed due to policy rejection: allow policies exist, but none allowed"';

describe("damaged texts", { timeout }, () => {
  test("of an access log: a record has a status and a duration, or it is none", () => {
    holds("access log: Envoy text and JSON, agentgateway", damaged(accessLine, jsonLine, agentgatewayLine), (text) => {
      const line = parseAccessLine(text);
      if (!line) return;
      expect(isWhole(line.status)).toBe(true);
      expect(Number.isFinite(line.durationMs)).toBe(true);
      expect(text).toContain(line.method);
    });
  });

  test("of ztunnel's log: a record has a direction, and an error only where the line has one", () => {
    holds("ztunnel log", damaged(connectionLine), (text) => {
      const line = parseConnectionLine(text);
      if (!line) return;
      expect(["inbound", "outbound"]).toContain(line.direction);
      if (line.error !== undefined) expect(text).toContain("error=");
    });
  });

  test("of curl: no answer is made of measurements that cannot be read", () => {
    const single =
      'HTTP/1.1 200 OK\r\nserver: istio-envoy\r\n\r\n{}\n@@ambient-lab@@{"response_code":200,"time_total":0.01,"local_ip":"10.244.1.5","local_port":40000,"errormsg":null}';
    holds("curl: one answer", damaged(single), (text) => {
      const answer = parseCurl(text);
      if (answer) expect([isWhole(answer.status), Number.isFinite(answer.seconds)]).toEqual([true, true]);
    });
    holds("curl: many answers", damaged("200 0.004\n403 0.001\n000 30.000"), (text) => {
      for (const { status, seconds } of parseCurlMany(text)) expect(isWhole(status) && seconds >= 0).toBe(true);
    });
    holds("load: answers by curl", damaged("1 1790000000.1 200 0 0.004\n2 1790000000.2 000 56 0.001"), (text) => {
      for (const { n, status, exit, ms } of parseLoadAnswers(text))
        expect([n, status, exit, ms].every(isWhole)).toBe(true);
    });
  });

  test("of a control group: processor time and memory are numbers", () => {
    const readings = `${"0a".repeat(32)} v2 1234567 73400320 1048576\n${"1b".repeat(32)} v1 1234567890 73400320 83400320\n`;
    holds("control groups", damaged(readings), (text) => {
      for (const [id, { cpuMs, memoryBytes }] of parseUsage(text)) {
        expect(text).toContain(id);
        expect([cpuMs, memoryBytes].every((each) => Number.isFinite(each) && each >= 0)).toBe(true);
      }
    });
  });

  test("of a call by gRPC: a status is a number, or there is none", () => {
    const call =
      "HTTP/2 200 \r\ncontent-type: application/grpc\r\ngrpc-status: 7\r\ngrpc-message: RBAC%3A access denied\r\n\r\n";
    holds("gRPC call", damaged(call), (text) => {
      const { http, code } = parseGrpc(text);
      expect(isWhole(http)).toBe(true);
      if (code !== undefined) expect(isWhole(code)).toBe(true);
    });
  });

  test("of metrics: a series has a name and a number", () => {
    const metrics =
      '# TYPE envoy_http_rbac counter\nenvoy_http_rbac{authz_enforce_result="denied",http_conn_manager_prefix="inbound_0.0.0.0_8000"} 3\nistio_requests_total{reporter="waypoint"} 1.5e3\n';
    holds("Prometheus metrics", damaged(metrics), (text) => {
      for (const { name, value } of parseMetrics(text)) {
        expect(name).toMatch(/^[a-zA-Z_:]/);
        expect(Number.isNaN(value)).toBe(false);
      }
    });
  });
});

describe("damaged documents", { timeout }, () => {
  test("of an access log in JSON: a record has a status and a duration, or it is none", () => {
    holds("access log: Envoy JSON, values", distorted(JSON.parse(jsonLine)), (document) => {
      const line = parseAccessLine(JSON.stringify(document));
      if (line) expect([isWhole(line.status), Number.isFinite(line.durationMs)]).toEqual([true, true]);
    });
  });

  // vegeta v12.13.0: lib/metrics.go, Metrics.
  test("of vegeta: what failed is a part of what was sent", () => {
    const report = {
      latencies: { total: 9e9, mean: 3e6, "50th": 2e6, "90th": 4e6, "95th": 5e6, "99th": 7e6, max: 9e6, min: 1e6 },
      ...{ bytes_in: { total: 7000, mean: 7 }, bytes_out: { total: 5000, mean: 5 } },
      ...{ earliest: "2026-11-23T10:00:00Z", latest: "2026-11-23T10:00:10Z", end: "2026-11-23T10:00:10Z" },
      ...{ duration: 9_990_000_000, wait: 1_000_000, requests: 1000, rate: 100.1, throughput: 99.9, success: 0.99 },
      ...{ status_codes: { "0": 3, "200": 990, "503": 7 }, errors: ["503 Service Unavailable"] },
    };
    const sound = (text: string) => {
      for (const protocol of ["http", "grpc"] as const) {
        const result = parseReport(text, protocol);
        if (!result) continue;
        const { sent, failed, rate, p50, p90, p99 } = result;
        expect([sent, failed].every(isWhole) && failed <= sent, text).toBe(true);
        expect(
          [rate, p50, p90, p99].every((each) => Number.isFinite(each) && each >= 0),
          text,
        ).toBe(true);
      }
    };
    holds("vegeta report, values", distorted(report), (document) => sound(JSON.stringify(document)));
    holds("vegeta report, text", damaged(JSON.stringify(report)), sound);
  });

  test("of a capture: segments, or an error with the reason", () => {
    const segment = {
      from: "10.244.1.5",
      fromPort: 40_000,
      to: "10.244.2.5",
      toPort: 15_008,
      payload: Buffer.from("GET /"),
    };
    const capture = pcapOf([segment, segment]);
    const bytes = fc.array(fc.tuple(fc.nat(capture.length - 1), fc.nat(255)), { maxLength: 12 });
    holds("capture (pcap)", fc.tuple(bytes, fc.nat(capture.length)), ([changes, length]) => {
      const copy = Buffer.from(capture);
      for (const [at, value] of changes) copy[at] = value;
      try {
        for (const { fromPort, toPort } of parsePcap(copy.subarray(0, length)))
          expect(isWhole(fromPort + toPort)).toBe(true);
      } catch (error) {
        expect(String(error)).toMatch(/^Error: (no capture|capture of link type)/);
      }
    });
  });

  test("of a proxy: a summary of the shape that the report reads", async () => {
    const { state } = await fakeWorld();
    for (const dump of [waypointConfig(state, "waypoint"), gatewayConfig(state)])
      holds("Envoy config dump", distorted(dump), (damage) => void proxySummarySchema.parse(parseEnvoyDump(damage)), 2);
    holds("ztunnel config dump", distorted(ztunnelConfig(state, "ambient-lab-dev-worker2")), (damage) => {
      for (const { name, action } of parseZtunnelDump(damage).policies)
        expect([typeof name, typeof action]).toEqual(["string", "string"]);
    });
  });
});
