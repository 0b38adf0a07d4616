import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { openEngine } from "../../../cli/engine/automation";
import { run } from "../../../cli/run";
import { type HelmRecord, pendingCreate, startHelmCluster } from "./helm-cluster";
import { recoveredBeside, stackResource } from "./owned-records";
import { heldTexts, scriptedPulumi } from "./scripted-pulumi";
import { fakeExec, fakeIo, fitMachine, ownLabHome, urnOf } from "./world";

ownLabHome();

let close = () => {};
afterEach(() => close());

async function cluster(...records: HelmRecord[]) {
  const started = await startHelmCluster(() => records);
  close = started.close;
  return started;
}

const installing = (minutesOld: number): HelmRecord => ({ release: "ztunnel", status: "pending-install", minutesOld });
const begun = { resources: [], pending: [pendingCreate("ztunnel")] };

describe("recover() without a dead engine's lock", () => {
  test("takes the stack's lock before it deletes the record of a creation that ended long ago", async () => {
    const { happened, deletion, locking } = await recoveredBeside({ record: installing(60), state: begun });
    expect(happened).toBe("removed");
    // The API server deletes this very version of the record, and no newer one of that name.
    expect(JSON.parse(deletion)).toMatchObject({
      preconditions: { uid: "uid-ztunnel", resourceVersion: "7" },
    });
    expect(locking).toEqual([
      expect.stringContaining(`--target ${stackResource.urn}`),
      expect.stringContaining("--clear-pending-creates"),
    ]);
    expect(locking[0]).not.toContain("--clear-pending-creates");
  });
});

describe("a second up, while the first one installs a release", () => {
  const provider = (address: object) => ({
    urn: urnOf("p"),
    type: "pulumi:providers:kubernetes",
    inputs: { ...address },
  });

  test.each([
    ["s3://bucket", heldTexts.diy],
    ["https://api.pulumi.com", heldTexts.cloud],
  ])("deletes nothing of it, and says that an engine is at work (%s)", async (backend, held) => {
    for (const minutes of [1, 60]) {
      const lab = await cluster(installing(minutes));
      const resources = [
        stackResource,
        { urn: urnOf("n"), type: "docker:index/network:Network" },
        provider(lab.address),
      ];
      const pulumi = scriptedPulumi({ resources, pending: begun.pending }, held);
      writeFileSync(join(pulumi.bin, "kind"), "", { mode: 0o755 });
      const io = fakeIo({
        ...{ openEngine, exec: fakeExec(fitMachine) },
        env: { PATH: pulumi.bin, PULUMI_BACKEND_URL: backend },
      });
      expect(await run(["up", "--stack", "alice", "--yes", "--no-verify"], io)).toBe(1);
      expect(lab.deleted).toEqual([]);
      expect(io.err()).toContain(
        minutes === 60 ? 'What  Stack "alice" is being changed by' : 'What  Helm release "ztunnel" is pending-install',
      );
      expect(io.err()).not.toContain("mistake");
      expect(pulumi.calls().filter((call) => call.startsWith("up"))).toEqual([]);
      close();
    }
  });
});

// An engine that has just begun has neither container nor network in Docker.
test.each([
  ["has begun nothing yet", []],
  ["has begun a release", begun.pending],
])("destroy keeps the state of a stack while another engine works on it that %s", async (_, pending) => {
  const pulumi = scriptedPulumi({ resources: [stackResource], pending }, heldTexts.cloud);
  writeFileSync(join(pulumi.bin, "kind"), "", { mode: 0o755 });
  const io = fakeIo({
    ...{ openEngine, exec: fakeExec(fitMachine) },
    env: { PATH: pulumi.bin, PULUMI_BACKEND_URL: "https://api.pulumi.com" },
  });
  expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(1);
  expect(io.err()).toContain('What  Stack "alice" is being changed by another engine');
  expect(pulumi.calls().filter((call) => /^stack (rm|import)/.test(call))).toEqual([]);
});
