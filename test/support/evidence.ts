import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LabSettings } from "../../config/schema";
import { verifyLab } from "../../verify";
import type { FakeState } from "../unit/verify/fake/state";
import { fakeWorld } from "../unit/verify/fake/world";

/** Text of an attacker in a log line or an answer, which every page must escape. */
export const hostile = `</pre></script><script>alert(1)</script><img src=http://evil.example/x onerror="alert(2)">'&\u0007`;

const newFolder = () => mkdtempSync(join(tmpdir(), "lab-evidence-"));
const written = new Map<string, Promise<string>>();

/** Evidence that the verifier writes for a run on the fake lab. A further call with the same settings copies the evidence. */
export async function evidenceFolder(
  settings: Partial<LabSettings> = {},
  folder = newFolder(),
  breaks?: (state: FakeState) => unknown,
): Promise<string> {
  if (breaks) return writeEvidence(settings, folder, breaks);
  const key = JSON.stringify(settings);
  const found = written.get(key) ?? writeEvidence(settings, newFolder());
  written.set(key, found);
  cpSync(await found, folder, { recursive: true });
  return folder;
}

async function writeEvidence(
  settings: Partial<LabSettings>,
  folder: string,
  breaks: (state: FakeState) => unknown = () => undefined,
): Promise<string> {
  const lab = await fakeWorld(settings);
  breaks(lab.state);
  await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, evidenceDir: folder });
  return folder;
}

/** Inserts hostile text in every free-text field of the report, and adds a recorded `up`. */
export function poison(folder: string): void {
  const file = join(folder, "report.json");
  const report = JSON.parse(readFileSync(file, "utf8"), (key, value) =>
    ["title", "seen", "reason", "because", "stack", "cluster", "line"].includes(key) ? `${value} ${hostile}` : value,
  );
  report.versions[hostile] = hostile;
  report.notes = [hostile];
  report.health = [{ kind: "health", layer: "app", object: hostile, what: hostile, fix: hostile }];
  for (const result of report.results)
    for (const finding of result.findings) finding.evidence.push({ source: hostile, lines: [hostile] });
  writeFileSync(file, JSON.stringify(report));
  const chain = {
    ...{ listener: hostile, chain: `inbound-vip|${hostile}`, filters: [hostile] },
    rbac: [{ name: hostile, action: "ALLOW", shadow: false, condition: { kind: "test", text: hostile } }],
    routes: [{ match: hostile, cluster: hostile, mirrors: [hostile] }],
  };
  writeFileSync(
    join(folder, "config-waypoint.json"),
    JSON.stringify({ listeners: [], http: [chain], hosts: [], endpoints: [] }),
  );
  const phases = [
    { title: hostile, startMs: 0, ms: 900 },
    { title: "Lab", startMs: 900, ms: 60_000 },
  ];
  const timeline = { schema: "ambient-lab.timeline/v1", stack: "dev", startedAt: "2026-11-23T10:00:00Z", phases };
  writeFileSync(join(folder, "timeline.json"), JSON.stringify(timeline));
}
