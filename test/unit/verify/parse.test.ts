import { describe, expect, it } from "vitest";
import { parseAccessLine } from "../../../verify/logs/access-log";
import { isPolicyRefusal, parseConnectionLine } from "../../../verify/logs/ztunnel-log";
import { curlArguments, curlManyArguments, parseCurl, parseCurlMany } from "../../../verify/probe/curl";
import { parseMetrics, waypointCounts } from "../../../verify/probe/metrics";
import { parseEnvoyDump } from "../../../verify/proxy-config/envoy-dump";

describe("parseAccessLine()", () => {
  it("reads a refusal of a live waypoint", () => {
    const line =
      '2026-11-23T10:00:01.5Z [2026-11-23T10:00:00.123Z] "POST /post?probe=7 HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "curl/8.5.0" "7" "appb:8000" "-" inbound-vip|8000|http|appb.default.svc.cluster.local - 10.96.65.30:8000 10.244.2.5:41234 - -';
    expect(parseAccessLine(line)).toMatchObject({
      method: "POST",
      path: "/post?probe=7",
      status: 403,
      flags: "-",
      details: "rbac_access_denied_matched_policy[none]",
      durationMs: 0,
      requestId: "7",
      authority: "appb:8000",
      upstreamHost: "-",
      upstreamCluster: "inbound-vip|8000|http|appb.default.svc.cluster.local",
    });
  });

  it("reads a delayed request", () => {
    const line =
      '[2026-11-23T10:00:00.123Z] "GET /headers HTTP/1.1" 200 DI via_upstream - "-" 0 264 2001 1 "-" "a b" "x" "appb:8000" "envoy://connect_originate/10.244.1.5:8080" c - d e - -';
    expect(parseAccessLine(line)).toMatchObject({ flags: "DI", durationMs: 2001, requestId: "x" });
  });

  it("reads what a live agentgateway wrote of a request, and of one that it gave up", () => {
    const line = (rest: string) =>
      `2026-11-24T23:15:43.333370599Z 2026-11-24T23:15:43.332151Z\tinfo\trequest gateway=default/agentgateway listener=mesh route=default/apph-routed endpoint=10.244.1.6:8080 src.addr=10.244.1.7:36800 http.method=GET http.host=apph-routed http.path=/delay/3?probe=abc http.version=HTTP/1.1 ${rest}`;
    const common = {
      method: "GET",
      path: "/delay/3?probe=abc",
      authority: "apph-routed",
      upstreamHost: "10.244.1.6:8080",
    };
    expect(parseAccessLine(line("http.status=200 protocol=http duration=3ms"))).toMatchObject({
      ...{ ...common, status: 200, flags: "-", details: "via_upstream", durationMs: 3 },
    });
    const givenUp = 'http.status=504 protocol=http error="request timeout" reason=Timeout duration=1001ms';
    expect(parseAccessLine(line(givenUp))).toMatchObject({
      ...{ ...common, status: 504, flags: "Timeout", details: "request timeout", durationMs: 1001 },
    });
  });

  it("takes an agentgateway's answer without an endpoint for its own", () => {
    const line =
      "t\tinfo\trequest gateway=default/agentgateway listener=mesh http.method=GET http.path=/x http.status=404 duration=0ms";
    expect(parseAccessLine(line)).toMatchObject({
      details: "direct_response",
      upstreamHost: "-",
      upstreamCluster: "-",
    });
  });

  it("leaves agentgateway's own messages alone", () => {
    const line = '2026-11-24T23:14:11.243835Z\tinfo\tproxy::gateway\tstarted bind\tbind="15008/default/agentgateway"';
    expect(parseAccessLine(line)).toBeUndefined();
  });

  it("leaves Envoy's own messages alone", () => {
    expect(parseAccessLine("2026-11-23T10:00:00Z\tinfo\tenvoy main\tstarting main dispatch loop")).toBeUndefined();
  });
});

describe("parseConnectionLine()", () => {
  it("reads a refusal of a live ztunnel", () => {
    const line =
      '2026-11-23T10:00:00.1Z\terror\taccess\tconnection complete\tsrc.addr=10.244.2.9:40312 src.workload="outsider-1" src.namespace="default" src.cluster="Kubernetes" dst.addr=10.244.1.5:8080 dst.service="appb.default.svc.cluster.local" dst.workload="appb-1" dst.namespace="default" dst.cluster="Kubernetes" direction="inbound" bytes_sent=0 bytes_recv=0 duration="0ms" error="connection closed due to policy rejection: allow policies exist, but none allowed"';
    const read = parseConnectionLine(line);
    expect(read).toMatchObject({
      level: "error",
      event: "complete",
      direction: "inbound",
      fields: { "src.addr": "10.244.2.9:40312" },
    });
    expect(read && isPolicyRefusal(read)).toBe(true);
  });

  it("takes the near side's 401 for a refusal, and other failures not", () => {
    const line = (error: string) =>
      parseConnectionLine(`t error access connection complete src.addr=1:2 direction="outbound" error="${error}"`);
    const [refused, down] = [line("http status: 401 Unauthorized"), line("no healthy upstream")];
    expect(refused && isPolicyRefusal(refused)).toBe(true);
    expect(down && isPolicyRefusal(down)).toBe(false);
  });
});

describe("waypointCounts()", () => {
  it("reads the RBAC counters of stock Envoy, without those of other listeners and dry runs", () => {
    const text = [
      "# TYPE envoy_http_rbac counter",
      'envoy_http_rbac{authz_enforce_result="allowed",http_conn_manager_prefix="inbound_0.0.0.0_8000"} 43',
      'envoy_http_rbac{authz_enforce_result="denied",http_conn_manager_prefix="inbound_0.0.0.0_8000"} 9',
      'envoy_http_rbac{authz_enforce_result="denied",http_conn_manager_prefix="admin"} 5',
    ].join("\n");
    expect(waypointCounts(parseMetrics(text))).toEqual({ allowed: 43, denied: 9, source: "envoy_http_rbac" });
  });

  it("reads Istio's request counter where there is no other", () => {
    const series = (code: number, value: number) =>
      `istio_requests_total{reporter="waypoint",response_code="${code}",destination_service="appb.default.svc.cluster.local"} ${value}`;
    const text = [
      series(200, 7),
      series(403, 2),
      'istio_requests_total{reporter="source",response_code="200"} 99',
    ].join("\n");
    expect(waypointCounts(parseMetrics(text))).toEqual({ allowed: 7, denied: 2, source: "istio_requests_total" });
  });

  it("counts nothing where there is no counter", () => {
    expect(waypointCounts(parseMetrics("envoy_server_uptime 7\n"))).toBeUndefined();
  });
});

describe("curl", () => {
  it("reads answer, headers and the client's port", () => {
    const measured =
      '{"response_code":403,"time_total":0.0042,"local_ip":"10.244.2.5","local_port":41234,"errormsg":null}';
    const stdout = `HTTP/1.1 403 Forbidden\r\ncontent-length: 19\r\nServer: istio-envoy\r\n\r\nRBAC: access denied\n@@ambient-lab@@${measured}`;
    expect(parseCurl(stdout)).toEqual({
      status: 403,
      headers: { "content-length": "19", server: "istio-envoy" },
      body: "RBAC: access denied",
      seconds: 0.0042,
      local: "10.244.2.5:41234",
    });
  });

  it("reads a reset connection", () => {
    const stdout =
      '\n@@ambient-lab@@{"response_code":0,"time_total":0.001,"local_ip":"10.0.0.1","local_port":5,"errormsg":"Recv failure: Connection reset by peer"}';
    expect(parseCurl(stdout)).toMatchObject({ status: 0, body: "", error: "Recv failure: Connection reset by peer" });
  });

  it("sends HEAD without waiting for a body", () => {
    expect(
      curlArguments({ method: "HEAD", url: "http://x/", headers: {}, timeoutMs: 1000, localPort: 20_000 }),
    ).toContain("--head");
  });

  it("numbers the requests of a sample by a range in the address", () => {
    const command = curlManyArguments({
      method: "GET",
      url: "http://x/?probe=1",
      count: 200,
      parallel: 50,
      timeoutMs: 1000,
      headers: { "x-canary": "v2" },
    });
    expect(command.at(-1)).toBe("http://x/?probe=1&n=[1-200]");
    expect(command).toContain("x-canary: v2");
    expect(parseCurlMany("200 2.003\n000 0.001\n")).toEqual([
      { status: 200, seconds: 2.003 },
      { status: 0, seconds: 0.001 },
    ]);
  });
});

describe("parseEnvoyDump()", () => {
  it("reads istioctl's camelCase and keeps the names of policies", () => {
    const manager = {
      "@type": "x.HttpConnectionManager",
      httpFilters: [
        {
          name: "envoy.filters.http.rbac",
          typedConfig: {
            rules: {
              policies: {
                "ns[default]-policy[appb-l7]-rule[0]": {
                  permissions: [
                    {
                      andRules: {
                        rules: [
                          { orRules: { rules: [{ header: { name: ":method", stringMatch: { exact: "GET" } } }] } },
                        ],
                      },
                    },
                  ],
                  principals: [
                    {
                      filterState: {
                        key: "io.istio.peer_principal",
                        stringMatch: { exact: "spiffe://cluster.local/ns/default/sa/appa" },
                      },
                    },
                  ],
                },
              },
            },
          },
        },
      ],
    };
    const listener = { name: "main_internal", filterChains: [{ name: "c", filters: [{ typedConfig: manager }] }] };
    const dump = { configs: [{ "@type": "x.ListenersConfigDump", dynamicListeners: [{ activeState: { listener } }] }] };
    expect(parseEnvoyDump(dump).http[0]?.rbac).toEqual([
      {
        name: "ns[default]-policy[appb-l7]-rule[0]",
        action: "ALLOW",
        shadow: false,
        condition: {
          kind: "all",
          of: [
            { kind: "test", text: "identity is cluster.local/ns/default/sa/appa" },
            { kind: "test", text: "method is GET" },
          ],
        },
      },
    ]);
  });
});
