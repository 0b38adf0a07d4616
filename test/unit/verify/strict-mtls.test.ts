import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { isTls, parsePcap } from "../../../verify/probe/pcap";
import { type FakePacket, pcapOf } from "./fake/pcap";
import { type FakeWorld, fakeWorld } from "./fake/world";

const fakeLab = (settings = {}) => fakeWorld({ modules: ["strict-mtls"], ...settings });
const run = (lab: FakeWorld, more = {}) =>
  verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["strict-mtls"], ...more });
const captureOf = async (lab: FakeWorld) => {
  const report = await run(lab);
  return report.results[0]?.findings.find(({ name }) => name.startsWith("between two nodes"));
};

describe("strict-mtls", () => {
  it("names ztunnel and the PeerAuthentication of a refusal, beside a twin that takes plain text", async () => {
    const report = await run(await fakeLab());
    expect(report.verdict).toBe("pass");
    const decided = report.results[0]?.findings.flatMap(({ name, decision }) => (decision ? [[name, decision]] : []));
    expect(Object.fromEntries(decided ?? [])).toMatchObject({
      "outsider, not in the mesh, reaches the permissive twin": { layer: "app", action: "answered" },
      "outsider is reset by appf's ztunnel": {
        ...{ layer: "ztunnel", action: "reset", policy: "PeerAuthentication/appf-strict" },
        line: expect.stringContaining("explicitly denied by: istio-system/istio_converted_static_strict"),
      },
    });
  });

  it("finds the marker in the control alone, and keeps the capture in the evidence", async () => {
    const folder = mkdtempSync(join(tmpdir(), "evidence-"));
    const report = await run(await fakeLab(), { evidenceDir: folder });
    const finding = report.results[0]?.findings.find(({ name }) => name.startsWith("between two nodes"));
    expect(finding).toMatchObject({
      verdict: "pass",
      seen: expect.stringMatching(
        /^ambient-lab-dev-worker → ambient-lab-dev-worker2: \d+ packets of port 15008, \d+ of them begin a TLS record; 0 of another port, 0 with the marker; in plain text to appg it is in 5 of 5 requests$/,
      ),
    });
    expect(readdirSync(folder)).toContain("strict-mtls.pcap");
    const packets = parsePcap(readFileSync(join(folder, "strict-mtls.pcap")));
    expect(new Set(packets.map(({ toPort }) => toPort))).toEqual(new Set([15008, 8080]));
    expect(readFileSync(join(folder, "index.md"), "utf8")).toContain("(strict-mtls.pcap)");
    rmSync(folder, { recursive: true });
  });

  it.each<[string, (lab: FakeWorld) => void, string]>([
    ["tcpdump may not listen", ({ shell }) => Object.assign(shell, { forbidden: true }), "Operation not permitted"],
    [
      "tcpdump captures nothing",
      ({ shell }) => Object.assign(shell, { capturesNothing: true }),
      "0 packets of port 15008",
    ],
  ])("is inconclusive when %s", async (_name, breaks, words) => {
    const lab = await fakeLab();
    breaks(lab);
    expect(await captureOf(lab)).toMatchObject({
      ...{ verdict: "inconclusive", layer: "nodes", seen: expect.stringContaining(words) },
    });
  });

  it("fails when packets are in plain text, although ztunnel reports HBONE", async () => {
    const lab = await fakeLab();
    lab.state.sendsPlainText = true;
    expect(await captureOf(lab)).toMatchObject({
      verdict: "fail",
      seen: expect.stringMatching(/[1-9] of another port, 5 with the marker/),
    });
  });

  it("skips the capture with one worker, with the reason, and sends the other requests", async () => {
    const lab = await fakeLab({ workers: 1 });
    for (const key of lab.state.objects.keys()) if (key.endsWith("worker2")) lab.state.objects.delete(key);
    const finding = await captureOf(lab);
    expect(finding).toMatchObject({ verdict: "skipped", seen: expect.stringContaining("one node") });
  });

  it("stops the capture of a run that is interrupted", async () => {
    const lab = await fakeLab();
    const stop = new AbortController();
    const { exec } = lab;
    lab.exec = async (...call) => {
      if (call[1].join(" ").includes("/anything/")) stop.abort(new Error("Interrupted"));
      return exec(...call);
    };
    await expect(run(lab, { signal: stop.signal })).rejects.toThrow("Interrupted");
    await new Promise(setImmediate);
    expect(lab.state.packets).toBeUndefined();
  });
});

describe("parsePcap()", () => {
  const packet: FakePacket = {
    ...{ from: "10.244.1.5", fromPort: 40_000, to: "10.244.2.13", toPort: 15008 },
    payload: Buffer.from([0x16, 3, 1, 0, 5]),
  };

  it.each([{ link: 276 }, { link: 113 }, { link: 1 }, { bigEndian: true }] as const)(
    "reads addresses, ports and payload of %j",
    (style) => {
      expect(parsePcap(pcapOf([packet, packet], style))).toEqual([packet, packet]);
    },
  );

  it("leaves out what is cut off or no TCP", () => {
    const file = pcapOf([packet, packet]);
    expect(parsePcap(file.subarray(0, file.length - 3))).toHaveLength(1);
    const udp = Buffer.from(file);
    udp[24 + 16 + 20 + 9] = 17;
    expect(parsePcap(udp)).toHaveLength(1);
    expect(parsePcap(pcapOf([]))).toEqual([]);
  });

  it("refuses what is no capture", () => {
    expect(() => parsePcap(Buffer.from("tcpdump: no such device"))).toThrow("no capture");
    expect(() => parsePcap(pcapOf([]).fill(7, 20, 24))).toThrow(/link type/);
  });

  it("distinguishes TLS records from text", () => {
    expect(isTls(packet)).toBe(true);
    expect(isTls({ ...packet, payload: Buffer.from("GET / HTTP/1.1") })).toBe(false);
  });
});
