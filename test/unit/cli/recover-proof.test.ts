import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { openEngine } from "../../../cli/engine/automation";
import type { StackState } from "../../../cli/engine/types";
import { openHelmReleases } from "../../../cli/recovery/helm-releases";
import { noStaleLocks } from "../../../cli/recovery/locks";
import { recover } from "../../../cli/recovery/recover";
import { run } from "../../../cli/run";
import { exec } from "../../../host/exec";
import { type HelmRecord, pendingCreate, recordPath, startHelmCluster, stateRelease } from "./helm-cluster";
import { heldTexts, scriptedPulumi } from "./scripted-pulumi";
import { checkout, fakeExec, fakeIo, fitMachine, ownLabHome, urnOf } from "./world";

ownLabHome();
const stack = {
  urn: "urn:pulumi:alice::ambient-lab::pulumi:pulumi:Stack::ambient-lab-alice",
  type: "pulumi:pulumi:Stack",
};

let close = () => {};
afterEach(() => close());

async function cluster(...records: HelmRecord[]) {
  const started = await startHelmCluster(() => records);
  close = started.close;
  return started;
}

/** The real recovery with the real Automation API, in a backend whose locks are not files. */
async function recovered(
  { address }: Awaited<ReturnType<typeof cluster>>,
  state: StackState,
  held?: string,
  fileBackend = false,
) {
  const pulumi = scriptedPulumi({ resources: [stack, ...state.resources], pending: state.pending }, held);
  const engine = await openEngine({ stack: "alice", root: checkout(), pulumi: pulumi.program, env: {}, exec });
  const said: string[] = [];
  const outcome = await recover({
    ...{ engine, stack: "alice", locks: noStaleLocks, fileBackend },
    ...{ exec: fakeExec({ "ps -axo": "" }), signal: new AbortController().signal, onEvent: () => {} },
    openReleases: () => openHelmReleases(address),
    say: (line) => void said.push(line),
  }).catch((thrown: unknown) => thrown);
  const locking = pulumi.calls().filter((call) => /^(refresh|stack import)/.test(call));
  return { outcome, said, locking };
}

const installing = (minutesOld: number): HelmRecord => ({ release: "ztunnel", status: "pending-install", minutesOld });
const begun = { resources: [], pending: [pendingCreate("ztunnel")] };

describe("recover() without a dead engine's lock", () => {
  test.each(Object.entries(heldTexts))(
    "deletes no record while another engine holds the stack (%s)",
    async (_backend, held) => {
      for (const minutes of [0, 60]) {
        const lab = await cluster(installing(minutes));
        const { outcome } = await recovered(lab, begun, held);
        expect(lab.deleted).toEqual([]);
        expect(outcome).toMatchObject({ name: "LabError" });
        close();
      }
      const lab = await cluster(installing(60));
      expect((await recovered(lab, begun, held)).outcome).toMatchObject({
        what: expect.stringMatching(/^Stack "alice" is being changed by /),
        // The lab's own copy by its path, where the PATH has no pulumi.
        fix: expect.stringMatching(/^(\/\S+\/)?pulumi cancel --yes --stack alice {3}\(/),
      });
    },
  );

  test("names the engine that holds the stack, where the backend does", async () => {
    const { outcome } = await recovered(await cluster(installing(60)), begun, heldTexts.diy);
    expect(outcome).toMatchObject({ what: expect.stringContaining("bob@desk (pid 1834)") });
  });

  // Engine of another machine killed, plugin not: it installs on, for as long as components/bundle.ts lets Helm (600 s).
  test("deletes no record that was written a moment ago, whoever holds the stack", async () => {
    const lab = await cluster(installing(4));
    const { outcome, locking } = await recovered(lab, begun);
    expect(lab.deleted).toEqual([]);
    expect(outcome).toMatchObject({
      what: expect.stringMatching(
        /^Helm release "ztunnel" is pending-install, and its record was written (3 min 59|4 min 0) s ago$/,
      ),
      fix: expect.stringMatching(/^npm run up -- --stack alice {3}\(in [89] min/),
    });
    // The state keeps what it knows of the operation.
    expect(locking).toEqual([]);
  });

  test("takes the last write of a record for its age", async () => {
    const lab = await cluster({ ...installing(60), updatedMinutesAgo: 4 });
    await recovered(lab, begun);
    expect(lab.deleted).toEqual([]);
  });

  test("takes the stack's lock before it deletes the record of a creation that ended long ago", async () => {
    const lab = await cluster(installing(60));
    const { outcome, locking } = await recovered(lab, begun);
    expect(lab.deleted).toEqual([recordPath("ztunnel")]);
    // The API server deletes this very version of the record, and no newer one of that name.
    expect(JSON.parse(lab.bodies[0] ?? "")).toMatchObject({
      preconditions: { uid: "uid-ztunnel", resourceVersion: "7" },
    });
    expect(outcome).toMatchObject({ pending: [expect.anything()] });
    expect(locking).toEqual([
      expect.stringContaining(`--target ${stack.urn}`),
      expect.stringContaining("--clear-pending-creates"),
    ]);
    expect(locking[0]).not.toContain("--clear-pending-creates");
  });

  test("leaves a record alone that the state does not know, and says how to delete it", async () => {
    for (const fileBackend of [true, false]) {
      const lab = await cluster({ release: "mine", status: "pending-install", minutesOld: 60 });
      const { outcome, said } = await recovered(lab, { resources: [], pending: [] }, undefined, fileBackend);
      expect(lab.deleted).toEqual([]);
      expect(outcome).toMatchObject({ pending: [] });
      expect(said).toEqual([
        expect.stringContaining('Helm release "mine" is pending-install, and it is not in the state'),
        expect.stringContaining(
          `kubectl --kubeconfig ${lab.address.kubeconfig} --context kind-x --namespace istio-system delete secret sh.helm.release.v1.mine.v1`,
        ),
      ]);
      close();
    }
  });

  test("deletes the record of a known release whose operation the state forgot, in a file backend alone", async () => {
    const upgrading = { release: "istiod", status: "pending-upgrade", minutesOld: 60 };
    const known = { resources: [stateRelease("istiod")], pending: [] };
    const files = await cluster(upgrading);
    const { locking } = await recovered(files, known, undefined, true);
    expect(files.deleted).toEqual([recordPath("istiod")]);
    expect(locking).toHaveLength(1);
    close();
    const other = await cluster(upgrading);
    const { outcome } = await recovered(other, known);
    expect(other.deleted).toEqual([]);
    expect(outcome).toMatchObject({
      what: 'Helm release "istiod" is pending-upgrade, and the state of stack "alice" has no unfinished operation on it',
      fix: expect.stringMatching(/^kubectl .* delete secret sh\.helm\.release\.v1\.istiod\.v1 {3}\(/),
    });
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
      const resources = [stack, { urn: urnOf("n"), type: "docker:index/network:Network" }, provider(lab.address)];
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
  const pulumi = scriptedPulumi({ resources: [stack], pending }, heldTexts.cloud);
  writeFileSync(join(pulumi.bin, "kind"), "", { mode: 0o755 });
  const io = fakeIo({
    ...{ openEngine, exec: fakeExec(fitMachine) },
    env: { PATH: pulumi.bin, PULUMI_BACKEND_URL: "https://api.pulumi.com" },
  });
  expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(1);
  expect(io.err()).toContain('What  Stack "alice" is being changed by another engine');
  expect(pulumi.calls().filter((call) => /^stack (rm|import)/.test(call))).toEqual([]);
});
