import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parseConfig } from "../../../config/load";
import { clusterState } from "../../../host/cluster-state";
import { LabErrors } from "../../../host/errors";
import { labOwner, ownerParts } from "../../../host/lab-owner";
import { markerFile, stackDir } from "../../../host/paths";
import { writeWhole } from "../../../host/write-file";
import { checkHost } from "../../../preflight/host";
import { machine, type SeenNetwork } from "../../support/machine";

const stack = "t1";
const own = "ambient-lab-t1";
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "ambient-lab-cluster-"));
  vi.stubEnv("AMBIENT_LAB_HOME", home);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

describe("clusterState()", () => {
  test.each([
    ["absent", []],
    ["running", [`running ${own}`, `running ${own},bridge`]],
    ["stopped", [`running ${own}`, `exited ${own}`]],
    ["paused", [`exited ${own}`, `exited ${own}`]],
    ["foreign", [`running ${own}`, "running kind"]],
  ] as const)("clusterState() calls it %s", async (expected, nodes) => {
    expect(await clusterState(stack, machine({ nodes: [...nodes] }))).toBe(expected);
  });
});

describe("when the labels of its network name an owner", () => {
  const bob = "bob@host file:///home/bob";
  const living = (network: Partial<SeenNetwork>) =>
    machine({ nodes: [`running ${own}`], networks: [{ name: own, stack, ...network }] });

  test("clusterState() calls the cluster of another owner foreign, and this owner's by its state", async () => {
    expect(await clusterState(stack, living({ owner: bob }))).toBe("foreign");
    expect(await clusterState(stack, living({ owner: labOwner() }))).toBe("running");
    // Nothing here says that the lab of an earlier version is this user's.
    expect(await clusterState(stack, living({ owner: "" }))).toBe("foreign");
    await writeWhole(markerFile(stackDir(stack)), `${own}\n`);
    expect(await clusterState(stack, living({ owner: "" }))).toBe("running");
  });

  test("the id of the network in the lab's folder proves a lab whose owner changed name", async () => {
    await writeWhole(markerFile(stackDir(stack)), `${own} id-1\n`);
    expect(await clusterState(stack, living({ id: "id-1", owner: bob }))).toBe("running");
    expect(await clusterState(stack, living({ id: "id-2", owner: bob }))).toBe("foreign");
    expect(await clusterState(stack, living({ id: "id-2", owner: labOwner() }))).toBe("running");
    // A lab of an earlier version has no label: then the id alone tells.
    expect(await clusterState(stack, living({ id: "id-2" }))).toBe("foreign");
  });

  describe("with a folder that labs of two backends share", () => {
    /** A folder of state, as Pulumi makes it (v3.259.0, pkg/backend/diy/store.go). */
    const backend = (name: string) => {
      mkdirSync(join(home, name, ".pulumi", "stacks"), { recursive: true });
      return `file://${home}/${name}`;
    };
    const { user } = ownerParts(labOwner());
    const marked = (text: string) => writeWhole(markerFile(stackDir(stack)), `${own} ${text}\n`);

    test("the file names the backend that the cluster belongs to", async () => {
      const [ours, theirs] = [backend("ours"), backend("theirs")];
      vi.stubEnv("PULUMI_BACKEND_URL", ours);
      await marked(`id-1 ${theirs}`);
      expect(await clusterState(stack, living({ id: "id-1", owner: `${user} ${theirs}` }))).toBe("foreign");
      await marked(`id-1 ${ours}`);
      expect(await clusterState(stack, living({ id: "id-1", owner: `alice@old-name ${ours}` }))).toBe("running");
    });

    test("the label decides where the file of an earlier version names no backend", async () => {
      const [ours, theirs] = [backend("ours"), backend("theirs")];
      vi.stubEnv("PULUMI_BACKEND_URL", ours);
      await marked("id-1");
      expect(await clusterState(stack, living({ id: "id-1", owner: `${user} ${theirs}` }))).toBe("foreign");
      expect(await clusterState(stack, living({ id: "id-1", owner: `alice@old-name ${ours}` }))).toBe("running");
      expect(await clusterState(stack, living({ id: "id-1" }))).toBe("running");
    });

    test("a folder of state that was moved is no other backend", async () => {
      vi.stubEnv("PULUMI_BACKEND_URL", backend("new"));
      await marked(`id-1 file://${home}/old`);
      expect(await clusterState(stack, living({ id: "id-1", owner: `${user} file://${home}/old` }))).toBe("running");
      await marked("id-1 s3://old");
      expect(await clusterState(stack, living({ id: "id-1", owner: `${user} s3://old` }))).toBe("foreign");
    });

    test("the lab of another project in the same folder of state is another's", async () => {
      const shared = backend("shared");
      vi.stubEnv("PULUMI_BACKEND_URL", shared);
      await marked(`id-1 ${shared}#my-lab`);
      expect(await clusterState(stack, living({ id: "id-1", owner: `${user} ${shared}#my-lab` }))).toBe("foreign");
      await marked(`id-1 ${shared}`);
      expect(await clusterState(stack, living({ id: "id-1", owner: `${user} ${shared}` }))).toBe("running");
    });

    test("checkHost() refuses a lab in an existing cluster whose files would be those of the other", async () => {
      const theirs = backend("theirs");
      vi.stubEnv("PULUMI_BACKEND_URL", backend("ours"));
      await marked(`id-1 ${theirs}`);
      const existing = parseConfig({
        cluster: "existing",
        kubeconfig: "/nowhere/k",
        context: "c",
        appImage: "r.test/a:1",
      });
      const thrown = await checkHost(existing, stack, machine()).catch((error: unknown) => error);
      expect(thrown instanceof LabErrors && thrown.problems.map(({ what }) => what)).toContain(
        `${stackDir(stack)} holds the files of a lab "${stack}" with the state in ${theirs}`,
      );
    });
  });
});
