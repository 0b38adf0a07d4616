import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSums } from "../../../artifacts/bundle-folder";
import { parseUrn } from "../../../cli/engine/urn";
import { readConfig, settingsFile } from "../../../cli/stack/settings";
import { parseConfig } from "../../../config/load";
import { configKeys } from "../../../config/schema";
import { LabError } from "../../../host/errors";
import { writeWhole } from "../../../host/write-file";
import { parseAccessLine } from "../../../verify/logs/access-log";
import { parseConnectionLine } from "../../../verify/logs/ztunnel-log";
import { parseCurl, parseCurlMany } from "../../../verify/probe/curl";
import { parseGrpc } from "../../../verify/probe/grpc-call";
import { parseLoadAnswers } from "../../../verify/probe/load";
import { parseMetrics } from "../../../verify/probe/metrics";
import { parsePcap } from "../../../verify/probe/pcap";
import { parseEnvoyDump, proxySummarySchema } from "../../../verify/proxy-config/envoy-dump";
import { parseZtunnelDump } from "../../../verify/proxy-config/ztunnel-dump";
import { checkout } from "../cli/world";
import { gatewayConfig, waypointConfig, ztunnelConfig } from "./fake/dumps";
import { pcapOf } from "./fake/pcap";
import { fakeWorld } from "./fake/world";

/** Texts for each parser; the seed is fixed, so that every run has the same ones. */
const runs = 2_000;
/** Texts for the configuration, which takes milliseconds each. */
const configurations = 300;
const seed = 20_261_129;

/** Characters that separate, quote or end something in one of the formats, and a few that do not. */
const piece = fc.oneof(
  fc.string({ maxLength: 8, unit: "binary" }),
  fc.constantFrom(
    '"',
    "\\",
    " ",
    "=",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "\r\n",
    "\t",
    "-",
    "%",
    "NaN",
    "\u0000",
    "error=",
    "503",
  ),
);

/** A text with up to four places cut out, replaced or repeated. */
const damaged = (...seeds: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 999 }), fc.nat(20), piece), { maxLength: 4 }),
    )
    .map(([seed, edits]) =>
      edits.reduce((text, [where, cut, instead]) => {
        const at = Math.floor((where * text.length) / 1000);
        return text.slice(0, at) + instead + text.slice(at + cut);
      }, seed),
    );

/** A document with up to four of its values replaced by any other value. */
const distorted = (seed: unknown): fc.Arbitrary<unknown> =>
  fc.array(fc.tuple(fc.infiniteStream(fc.nat(50)), fc.jsonValue({ maxDepth: 2 })), { maxLength: 4 }).map((edits) => {
    const copy = structuredClone(seed);
    for (const [path, value] of edits) replaceAt(copy, path, value);
    return copy;
  });

/** Walks into a document by the numbers of a path, and replaces what is there at a depth that the path chooses. */
function replaceAt(document: unknown, path: Iterator<number>, value: unknown): void {
  let holder = document;
  for (let depth = 0; typeof holder === "object" && holder !== null; depth += 1) {
    const keys = Object.keys(holder);
    const key = keys[Number(path.next().value) % Math.max(keys.length, 1)];
    if (key === undefined) return;
    const next: unknown = Reflect.get(holder, key);
    if (typeof next !== "object" || next === null || Number(path.next().value) % (12 - Math.min(depth, 11)) === 0) {
      Reflect.set(holder, key, value);
      return;
    }
    holder = next;
  }
}

const holds = <T>(values: fc.Arbitrary<T>, property: (value: T) => void, numRuns = runs) =>
  fc.assert(fc.property(values, property), { seed, numRuns });
const isWhole = (value: number) => Number.isSafeInteger(value) && value >= 0;

const accessLine =
  '[2026-11-23T10:00:00.123Z] "GET /headers?probe=7 HTTP/1.1" 200 DI via_upstream - "-" 0 264 2001 1 "-" "curl/8.5.0" "7" "appb:8000" "10.244.1.5:8080" inbound-vip|8000|http|appb.default.svc.cluster.local - 10.96.65.30:8000 10.244.2.5:41234 - default';
const agentgatewayLine =
  "2026-11-24T23:15:43.332151Z\tinfo\trequest gateway=default/agentgateway route=default/apph endpoint=10.244.1.6:8080 http.method=GET http.host=apph http.path=/get http.status=200 protocol=http duration=3ms";
const connectionLine =
  '2026-11-28T19:09:09.621882Z\terror\taccess\tconnection complete\tsrc.addr=10.244.2.7:3458 src.workload="appa-1" src.identity="spiffe://cluster.local/ns/default/sa/appa" dst.addr=10.244.2.5:15008 dst.service="appb.default.svc.cluster.local" direction="inbound" bytes_sent=0 duration="0ms" error="connection closed due to policy rejection: allow policies exist, but none allowed"';

describe(`${runs} damaged texts`, () => {
  test("of an access log: a record has a status and a duration, or it is none", () => {
    holds(damaged(accessLine, agentgatewayLine), (text) => {
      const line = parseAccessLine(text);
      if (!line) return;
      expect(isWhole(line.status)).toBe(true);
      expect(Number.isFinite(line.durationMs)).toBe(true);
      expect(text).toContain(line.method);
    });
  });

  test("of ztunnel's log: a record has a direction, and an error only where the line has one", () => {
    holds(damaged(connectionLine), (text) => {
      const line = parseConnectionLine(text);
      if (!line) return;
      expect(["inbound", "outbound"]).toContain(line.direction);
      if (line.error !== undefined) expect(text).toContain("error=");
    });
  });

  test("of curl: no answer is made of measurements that cannot be read", () => {
    const single =
      'HTTP/1.1 200 OK\r\nserver: istio-envoy\r\n\r\n{}\n@@ambient-lab@@{"response_code":200,"time_total":0.01,"local_ip":"10.244.1.5","local_port":40000,"errormsg":null}';
    holds(damaged(single), (text) => {
      const answer = parseCurl(text);
      if (answer) expect([isWhole(answer.status), Number.isFinite(answer.seconds)]).toEqual([true, true]);
    });
    holds(damaged("200 0.004\n403 0.001\n000 30.000"), (text) => {
      for (const { status, seconds } of parseCurlMany(text)) expect(isWhole(status) && seconds >= 0).toBe(true);
    });
    holds(damaged("1 1790000000.1 200 0 0.004\n2 1790000000.2 000 56 0.001"), (text) => {
      for (const { n, status, exit, ms } of parseLoadAnswers(text))
        expect([n, status, exit, ms].every(isWhole)).toBe(true);
    });
  });

  test("of a call by gRPC: a status is a number, or there is none", () => {
    const call =
      "HTTP/2 200 \r\ncontent-type: application/grpc\r\ngrpc-status: 7\r\ngrpc-message: RBAC%3A access denied\r\n\r\n";
    holds(damaged(call), (text) => {
      const { http, code } = parseGrpc(text);
      expect(isWhole(http)).toBe(true);
      if (code !== undefined) expect(isWhole(code)).toBe(true);
    });
  });

  test("of metrics: a series has a name and a number", () => {
    const metrics =
      '# TYPE envoy_http_rbac counter\nenvoy_http_rbac{authz_enforce_result="denied",http_conn_manager_prefix="inbound_0.0.0.0_8000"} 3\nistio_requests_total{reporter="waypoint"} 1.5e3\n';
    holds(damaged(metrics), (text) => {
      for (const { name, value } of parseMetrics(text)) {
        expect(name).toMatch(/^[a-zA-Z_:]/);
        expect(Number.isNaN(value)).toBe(false);
      }
    });
  });

  test("of a SHA256SUMS: a path has a digest of 64 digits", () => {
    holds(damaged(`${"ab".repeat(32)}  charts/base.tgz\n${"cd".repeat(32)} *./images/x.tar\n`), (text) => {
      for (const [path, digest] of parseSums(text)) {
        expect(path).not.toBe("");
        expect(digest).toMatch(/^[0-9a-f]{64}$/);
      }
    });
  });

  test("of a settings file: a configuration, or a problem with What, Why and Fix", () => {
    const root = checkout();
    const text =
      "encryptionsalt: v1:abc=\nconfig:\n  ambient-lab:workers: 2\n  ambient-lab:allowedCallers: [appa, gateway]\n  ambient-lab:faultDelay: 2s\n";
    const read = (damage: string) => {
      writeWhole(settingsFile(root, "dev"), damage);
      configurationOrProblem(() => readConfig(root, "dev"));
    };
    holds(damaged(text), read, configurations);
  });

  test("of a URN: its name is a part of it", () => {
    holds(
      damaged("urn:pulumi:dev::ambient-lab::ambientlab:apps:DemoApps$kubernetes:core/v1:Service::apps-appb"),
      (urn) => {
        expect(urn).toContain(parseUrn(urn).name);
      },
    );
  });
});

describe(`${runs} damaged documents`, () => {
  test("of a configuration: a configuration, or a problem with What, Why and Fix", () => {
    const key = fc.oneof(fc.constantFrom(...configKeys), fc.string());
    const value = fc.oneof(fc.jsonValue(), fc.string(), fc.constantFrom("[", "true", "1e9", "2s", "null"));
    holds(
      fc.dictionary(key, value, { maxKeys: 6 }),
      (raw) => configurationOrProblem(() => parseConfig(raw)),
      configurations,
    );
  });

  test("of a capture: segments, or an error that says what it is", () => {
    const segment = {
      from: "10.244.1.5",
      fromPort: 40_000,
      to: "10.244.2.5",
      toPort: 15_008,
      payload: Buffer.from("GET /"),
    };
    const capture = pcapOf([segment, segment]);
    const bytes = fc.array(fc.tuple(fc.nat(capture.length - 1), fc.nat(255)), { maxLength: 12 });
    holds(fc.tuple(bytes, fc.nat(capture.length)), ([changes, length]) => {
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
      holds(distorted(dump), (damage) => void proxySummarySchema.parse(parseEnvoyDump(damage)), runs / 2);
    holds(distorted(ztunnelConfig(state, "ambient-lab-dev-worker2")), (damage) => {
      for (const { name, action } of parseZtunnelDump(damage).policies)
        expect([typeof name, typeof action]).toEqual(["string", "string"]);
    });
  });
});

function configurationOrProblem(read: () => unknown): void {
  try {
    expect(read()).toBeDefined();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(LabError);
  }
}
