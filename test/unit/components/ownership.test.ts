import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { DeclaredObject } from "../../../components/ownership";
import { scriptTexts } from "../../../components/script";
import { exec } from "../../../host/exec";
import { moduleNames } from "../../../modules/index";
import { profiles } from "../../support/profiles";
import { declare } from "../../support/program";

interface Seen {
  /** Network of the nodes; absent without nodes. */
  node?: string;
  /** IDs of the networks in which the nodes were started. @default the nodes were never started */
  startedIn?: Readonly<Record<string, string>>;
  /** Id of the network with the lab's name; empty without one. */
  id?: string;
  /** Exit code of `docker ps`. */
  ps?: number;
  /** Exit code of `docker network inspect`. */
  inspect?: number;
}

/** Runs deletion scripts beside a Docker that has one node and one network. */
async function runDeletion(
  names: readonly string[],
  { node, startedIn = {}, id = "", ps = 0, inspect = 0 }: Seen,
  env: Record<string, string>,
) {
  const folder = mkdtempSync(join(tmpdir(), "lab-own-"));
  const docker = `#!/bin/sh
echo "docker $*" >> "${folder}/calls"
case "$1 $2" in
  "ps --all") ${node ? "printf 'n-control-plane\\nn-worker\\n';" : ""} exit ${ps} ;;
  "ps -aq") ${node ? "echo 0123;" : ""} exit ${ps} ;;
  "network ls") [ -z "${id}" ] || echo "${id}" ;;
  "network inspect") exit ${inspect} ;;
esac
case "$*" in
${Object.entries(startedIn)
  .map(([name, network]) => `  "inspect "*NetworkID*" ${name}") echo ${network} ;;`)
  .join("\n")}
esac
`;
  writeFileSync(join(folder, "docker"), docker, { mode: 0o755 });
  writeFileSync(join(folder, "kind"), `#!/bin/sh\necho "kind $*" >> "${folder}/calls"\n`, { mode: 0o755 });
  const result = await exec("/bin/sh", ["-c", scriptTexts("problem", ...names)], {
    env: {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, CLUSTER: "c", KIND_EXPERIMENTAL_DOCKER_NETWORK: "n" },
      ...{
        KUBECONFIG_FILE: join(folder, "kubeconfig"),
        MARKER_FILE: join(folder, "marker"),
        CERTS_DIR: join(folder, "certs"),
      },
      ...env,
    },
  });
  const calls = existsSync(join(folder, "calls")) ? readFileSync(join(folder, "calls"), "utf8") : "";
  return { ...result, calls };
}

test("kind-delete.sh deletes nothing while Docker does not answer", async () => {
  const { code, calls } = await runDeletion(["kind-own", "kind-delete"], { ps: 1 }, { NETWORK_ID: "id-1" });
  expect(code).not.toBe(0);
  expect(calls).not.toContain("kind delete");
});

test.each([
  ["certificate\n", false],
  ["that of another lab\n", true],
])("ca-file-remove.sh beside a file with %j: it stays: %s", async (text, stays) => {
  const file = join(mkdtempSync(join(tmpdir(), "lab-ca-")), "gateway-ca.pem");
  writeFileSync(file, text);
  const env = { CA_FILE: file, CA_PEM: "certificate\n" };
  for (const _again of [1, 2]) expect((await runDeletion(["ca-file-remove"], {}, env)).code).toBe(0);
  expect(existsSync(file)).toBe(stays);
});

describe("network-remove.sh", () => {
  const proven = "ambient-lab.stack=dev\nambient-lab.owner=a@b file:///home/a";
  const organization = 'docker network inspect --format {{index .Labels "ambient-lab.organization"}} id-1\n';
  const ps = "docker ps --all --filter label=io.x-k8s.kind.cluster=n --filter network=n --format {{.Names}}\n";

  test("asks for the network with all labels of the lab, which may hold spaces", async () => {
    const env = { NETWORK: "n", LABELS: "ambient-lab.stack=dev\nambient-lab.owner=a@b file:///home/a b" };
    const { code, stderr, calls } = await runDeletion(["network-remove"], { id: "id-1" }, env);
    expect(code, stderr).toBe(0);
    expect(calls).toBe(
      "docker network ls --quiet --no-trunc --filter name=^n$ --filter label=ambient-lab.stack=dev" +
        ` --filter label=ambient-lab.owner=a@b file:///home/a b\n${organization}${ps}docker network rm id-1\n`,
    );
  });

  test("removes the nodes that a killed kind left in the network of the lab's owner", async () => {
    const { code, stderr, calls } = await runDeletion(
      ["network-remove"],
      { node: "n", id: "id-1" },
      { NETWORK: "n", LABELS: proven },
    );
    expect(code, stderr).toBe(0);
    expect(calls).toContain(ps);
    expect(calls).toMatch(/docker rm --force --volumes n-control-plane n-worker\ndocker network rm id-1\n$/);
  });

  // "docker network prune" removes the network of a lab that is paused, and another lab can then make one with its name.
  test("leaves the nodes that were started in another network of this name", async () => {
    const startedIn = { "n-control-plane": "id-theirs", "n-worker": "id-1" };
    const { code, stderr, calls } = await runDeletion(
      ["network-remove"],
      { node: "n", startedIn, id: "id-1" },
      { NETWORK: "n", LABELS: proven },
    );
    expect(code, stderr).toBe(0);
    expect(calls).toMatch(/docker rm --force --volumes n-worker\ndocker network rm id-1\n$/);
  });

  test("removes nothing while Docker does not tell the labels of the network", async () => {
    const seen = { node: "n", id: "id-1", inspect: 1 };
    const { code, stderr, calls } = await runDeletion(["network-remove"], seen, { NETWORK: "n", LABELS: proven });
    expect(code).not.toBe(0);
    expect(stderr).toContain('What  Docker does not tell the labels of network "n"');
    expect(calls).not.toMatch(/docker (network )?rm/);
  });

  test("looks for nodes in a network with the labels alone", async () => {
    const { code, calls } = await runDeletion(["network-remove"], { node: "n" }, { NETWORK: "n", LABELS: proven });
    expect(code).toBe(0);
    expect(calls).not.toMatch(/docker (ps|rm)/);
  });

  test("removes the network of a lab of an earlier version by the label of the stack", async () => {
    const { calls } = await runDeletion(["network-remove"], { id: "id-1" }, { NETWORK: "n", STACK: "dev" });
    expect(calls).toMatch(/ --filter label=ambient-lab\.stack=dev\n.*docker network rm id-1\n$/s);
  });
});

test.each(["default", "modules"] as const)(
  "namespaces, Deployments and Services of profile %s name the stack that they belong to",
  async (profile) => {
    const { resources } = await declare(profiles[profile], {}, "alice");
    const labelled = resources.filter(({ type }) => /:(Namespace|Deployment|Service)$/.test(type));
    expect(labelled.length).toBeGreaterThan(5);
    for (const { name, inputs } of labelled) {
      expect(inputs, name).toMatchObject({ metadata: { labels: { "ambient-lab/stack": "alice" } } });
    }
  },
);

test("in another's cluster every object is looked at before, and bears the record of its owner", async () => {
  const looked: DeclaredObject[] = [];
  const claim = {
    record: "alice s3://bucket",
    requireOwn: async (objects: readonly DeclaredObject[]) => void looked.push(...objects),
  };
  const { resources } = await declare({ ...profiles.existing, modules: [...moduleNames] }, {}, "alice", claim);
  // Helm itself refuses objects of other releases; a patch adds a field to an object of another owner.
  const own = resources.filter(
    ({ type, name }) => type.startsWith("kubernetes:") && !/(Patch|Release)$/.test(type) && name !== "ingress-address",
  );
  const nameOf = ({ inputs, type }: (typeof own)[number]) => {
    const { name, namespace } = inputs.metadata as { name: string; namespace?: string };
    return [type.split(":")[2], namespace, name].join(" ");
  };
  expect(own.length).toBeGreaterThan(60);
  expect(new Set(own.map(({ type }) => type.split(":")[2]))).toContain("ServiceAccount");
  expect(looked.map(({ kind, namespace, name }) => [kind, namespace, name].join(" ")).sort()).toEqual(
    own.map(nameOf).sort(),
  );
  for (const { name, inputs } of own) {
    expect(inputs, name).toMatchObject({ metadata: { annotations: { "ambient-lab/owner": "alice s3://bucket" } } });
  }
});
