import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { vi } from "vitest";
import { openEngine } from "../../../cli/engine/automation";
import type { StackState } from "../../../cli/engine/types";
import { openHelmReleases } from "../../../cli/recovery/helm-releases";
import { findStaleLocks, noStaleLocks } from "../../../cli/recovery/locks";
import { recover } from "../../../cli/recovery/recover";
import { sweepMesh } from "../../../cli/recovery/sweep";
import { run } from "../../../cli/run";
import type { DeclaredObject } from "../../../components/ownership";
import { script } from "../../../components/script";
import { parseConfig } from "../../../config/load";
import { LabErrors, messageOf } from "../../../host/errors";
import { exec } from "../../../host/exec";
import { openApi } from "../../../host/kube-api";
import { claimPort } from "../../../host/port-claims";
import { examineExisting } from "../../../preflight/existing-cluster";
import { ownerRecord, requireOwnObjects } from "../../../preflight/foreign-objects";
import { artifactNames } from "../../../program/artifacts";
import { startCluster } from "../../support/cluster";
import { dockerStandIn, type StandInThings } from "../../support/docker-stand-in";
import { type HelmRecord, startHelmCluster } from "./helm-cluster";
import { scriptedPulumi } from "./scripted-pulumi";
import { type Answer, checkout, FakeEngine, fakeExec, fakeIo, ownLabHome, urnOf } from "./world";

/** What happened, and what was said. */
export interface Seen {
  happened: string;
  said: string;
}

/** Owner of the acting stack in an existing cluster. */
export const alice = "alice@laptop file:///home/alice";
/** The mark of a lab's object in an existing cluster. */
export const marked = (by: string, of = "alice") => ({ annotations: { "ambient-lab/owner": ownerRecord(of, by) } });
/** Field manager of every object that any program with @pulumi/kubernetes 4 applies on the server's side. */
export const byPulumi = { managedFields: [{ manager: "pulumi-kubernetes-1a2b3c" }] };

const objects = {
  "namespace istio-system": ["v1", "Namespace", "", "istio-system", "api/v1/namespaces/istio-system"],
  "namespace egress": ["v1", "Namespace", "", "egress", "api/v1/namespaces/egress"],
  ServiceAccount: ["v1", "ServiceAccount", "default", "appa", "api/v1/namespaces/default/serviceaccounts/appa"],
  IPAddressPool: [
    ...["metallb.io/v1beta1", "IPAddressPool", "metallb-system", "lab"],
    "apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/lab",
  ],
  AuthorizationPolicy: [
    ...["security.istio.io/v1", "AuthorizationPolicy", "default", "appb-l7"],
    "apis/security.istio.io/v1/namespaces/default/authorizationpolicies/appb-l7",
  ],
} as const satisfies Record<string, readonly string[]>;
/** Objects of the lab in an existing cluster. */
export const objectNames = Object.keys(objects) as (keyof typeof objects)[];

/** The program's look at the objects of an existing cluster, before it registers any. */
export async function declaredBeside(object: keyof typeof objects, metadata: object): Promise<Seen> {
  const cluster = await startCluster();
  const { kubeconfig, context } = cluster;
  const claim = { stack: "alice", owner: alice, address: { kubeconfig, context } };
  const declared = Object.values(objects).map(([apiVersion = "", kind = "", namespace, name = ""]): DeclaredObject => {
    return { apiVersion, kind, name, ...(namespace ? { namespace } : {}) };
  });
  cluster.put(objects[object][4] ?? "", { metadata });
  try {
    await requireOwnObjects(await openApi(claim.address), declared, claim);
    return { happened: "updated", said: "" };
  } catch (thrown) {
    if (!(thrown instanceof LabErrors)) throw thrown;
    return { happened: "refused", said: thrown.message };
  } finally {
    await cluster.close();
  }
}

/** `destroy` of a lab in an existing cluster whose namespace "egress" was written by a field manager. */
export async function destroyedBeside(manager: string): Promise<Seen> {
  ownLabHome();
  const cluster = await startCluster();
  const { kubeconfig, context } = cluster;
  const namespaces = [{ name: "namespaces", kind: "Namespace", namespaced: false, verbs: [] }];
  cluster.put("api/v1", { kind: "APIResourceList", groupVersion: "v1", resources: namespaces });
  const egress = { apiVersion: "v1", kind: "Namespace", metadata: { name: "egress", managedFields: [{ manager }] } };
  cluster.put("api/v1/namespaces/egress", egress);
  const settings = ["cluster: existing", `kubeconfig: ${kubeconfig}`, `context: ${context}`, "appImage: r.test/a:1"];
  const text = `config:\n${settings.map((each) => `  ambient-lab:${each}\n`).join("")}`;
  const engine = new FakeEngine(["alice"]);
  const inputs = { apiVersion: "v1", kind: "Namespace", metadata: { name: "egress" } };
  engine.stackState = {
    resources: [
      { urn: urnOf("p"), type: "pulumi:providers:kubernetes", inputs: { kubeconfig, context } },
      {
        ...{ urn: urnOf("egress"), type: "kubernetes:core/v1:Namespace", inputs },
        outputs: { __fieldManager: "pulumi-kubernetes-1" },
      },
    ],
    pending: [],
  };
  const io = fakeIo({ engine, root: checkout({ "Pulumi.alice.yaml": text }) });
  const code = await run(["destroy", "--stack", "alice", "--yes"], io);
  await cluster.close();
  return { happened: engine.calls.includes("destroy") && code === 0 ? "removed" : "refused", said: io.err() };
}

/** The sweep of a destroyed lab, in an existing cluster with a Deployment of istiod elsewhere. */
export async function sweptBesideIstiod(): Promise<Seen> {
  const cluster = await startCluster();
  cluster.put("apis/apps/v1/deployments?labelSelector=app%3Distiod", {
    ...{ kind: "DeploymentList", apiVersion: "apps/v1" },
    items: [{ metadata: { namespace: "mesh", name: "istiod" } }],
  });
  const swept = await sweepMesh(cluster);
  const { asked } = cluster;
  await cluster.close();
  return { happened: swept || asked.length !== 1 ? "removed" : "left alone", said: asked.join("\n") };
}

/** The resource of the stack itself. */
export const stackResource = {
  ...{ urn: "urn:pulumi:alice::ambient-lab::pulumi:pulumi:Stack::ambient-lab-alice", type: "pulumi:pulumi:Stack" },
};

/** What a recovery finds. */
export interface Unfinished {
  record: HelmRecord;
  state?: Partial<StackState>;
  /** What Pulumi says where another engine holds the stack. */
  held?: string;
  /** Whether the backend is a folder of this machine. @default false */
  fileBackend?: boolean;
}

/** Recovery of a stack by the real Automation API, beside a record of Helm and without the lock of a dead engine. */
export async function recoveredBeside({ record, state = {}, held, fileBackend = false }: Unfinished) {
  const lab = await startHelmCluster(() => [record]);
  const { resources = [], pending = [] } = state;
  const pulumi = scriptedPulumi({ resources: [stackResource, ...resources], pending }, held);
  const engine = await openEngine({ stack: "alice", root: checkout(), pulumi: pulumi.program, env: {}, exec });
  const said: string[] = [];
  const problem = await recover({
    ...{ engine, stack: "alice", locks: noStaleLocks, fileBackend },
    ...{ exec: fakeExec({ "ps -axo": "" }), signal: new AbortController().signal, onEvent: () => {} },
    openReleases: () => openHelmReleases(lab.address),
    say: (line) => void said.push(line),
  }).then(
    () => undefined,
    (thrown: unknown) => messageOf(thrown),
  );
  lab.close();
  const happened = lab.deleted.length > 0 ? "removed" : problem === undefined ? "left alone" : "refused";
  const locking = pulumi.calls().filter((call) => /^(refresh|stack import)/.test(call));
  return { happened, said: problem ?? said.join("\n"), deletion: lab.bodies[0] ?? "", locking };
}

/** A release of Istio, MetalLB or the Gateway API in an existing cluster. */
export type Released = { istio: string; labels: Record<string, string> } | { definition: string };

/** The program's look at an existing cluster that has a release, for a lab with these settings. */
export async function releasedBeside(released: Released, settings: Record<string, unknown> = {}): Promise<Seen> {
  const cluster = await startCluster();
  const { kubeconfig, context } = cluster;
  if ("definition" in released) {
    const ofBundle = (key: string) => `gateway.networking.k8s.io/${key}`;
    const annotations = { [ofBundle("bundle-version")]: "v1.3.0", [ofBundle("channel")]: "standard" };
    const path = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    cluster.put(`${path}/${released.definition}`, { metadata: { annotations } });
  } else {
    const image = `docker.io/istio/pilot:${released.istio}-distroless`;
    cluster.put("api/v1/namespaces/istio-system", { metadata: { labels: released.labels } });
    cluster.put("apis/apps/v1/namespaces/istio-system/deployments/istiod", {
      spec: { template: { spec: { containers: [{ image }] } } },
    });
  }
  const raw = { cluster: "existing", appImage: "registry.test/httpbin:1", kubeconfig, context, ...settings };
  const config = parseConfig(raw);
  const { facts, problems } = await examineExisting(config, "alice");
  await cluster.close();
  const names = artifactNames(config, facts?.gatewayApi ? { gatewayApi: facts.gatewayApi } : {});
  const said = problems.map(({ what }) => what).join("\n");
  return { happened: problems.length > 0 ? "refused" : "left alone", said: said || `installs ${names.join(", ")}` };
}

/** A claim of a port by another process: for a cluster, by a process that lives or was killed. */
export interface OtherClaim {
  cluster: string;
  /** Whether both have the folder of labs in common. @default each has one of its own, as two users do */
  sameHome?: true;
  killed?: true;
}

/** The claim of the port by the acting stack, beside that of another process of this machine. */
export async function claimedBeside({ cluster, sameHome, killed }: OtherClaim): Promise<Seen> {
  const folderOf = (name: string) => mkdtempSync(join(tmpdir(), `lab-${name}-`));
  const [folder, own] = [folderOf("claims"), folderOf("home")];
  const env = { ...process.env, AMBIENT_LAB_HOME: sameHome ? own : folderOf("home") };
  const program = join(__dirname, "../../support/claim-ports.ts");
  const args = ["--require", "@swc-node/register", program, cluster, "1", "20000", folder];
  const child = spawn(process.execPath, args, {
    env,
    cwd: join(__dirname, "../../.."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  if (killed) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  vi.stubEnv("AMBIENT_LAB_HOME", own);
  const claimed = claimPort(20_000, "ambient-lab-alice", folder);
  child.kill("SIGKILL");
  return { happened: claimed ? "used" : "left alone", said: "" };
}

/** The look for locks of dead engines, beside a lock in the folder of a project and stack. */
export async function lockedBeside(lock: object, ps: Answer, of = "ambient-lab/alice"): Promise<Seen> {
  const backend = mkdtempSync(join(tmpdir(), "lab-backend-"));
  const folder = join(backend, ".pulumi/locks/organization", of);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "1.json"), JSON.stringify({ pid: 4711, username: "bob", ...lock }));
  const io = { root: checkout(), env: { PULUMI_BACKEND_URL: `file://${backend}` }, exec: fakeExec({ "ps -p": ps }) };
  try {
    const stale = await findStaleLocks("alice", { ...io, say: () => {}, signal: new AbortController().signal });
    stale.remove();
    return { happened: existsSync(join(folder, "1.json")) ? "left alone" : "removed", said: "" };
  } catch (thrown) {
    return { happened: existsSync(join(folder, "1.json")) ? "refused" : "removed", said: messageOf(thrown) };
  }
}

/** The program's scripts for the caches of the registries: those of `up`, or of `destroy`. */
export async function cachedBeside(verb: "up" | "destroy", things: StandInThings): Promise<Seen> {
  const docker = dockerStandIn(things);
  const before = docker.things();
  const scripts =
    verb === "up" ? script("image-get", "image-cache", "image-cache-join") : script("problem", "image-cache-leave");
  const { code, stderr } = await docker.exec("/bin/sh", ["-c", scripts], {
    cwd: resolve(__dirname, "../../.."),
    env: {
      ...{ CACHES: "docker.io=http://registry.test", CACHE_IMAGE: "registry:1", NETWORK: "ambient-lab-alice" },
      ...{ CA_FILE: "", MIRRORS: "", BUNDLE: "", PLATFORM: "", PATIENCE: "1" },
    },
  });
  const after = docker.things();
  const kinds = (rows: readonly string[]) => rows.map((row) => row.split("\t").slice(0, 3).join(" ")).join();
  if (code !== 0) return { happened: kinds(before) === kinds(after) ? "refused" : "changed", said: stderr };
  const same = kinds(before) === kinds(after);
  const joined = before.join() !== after.join();
  return {
    happened: same ? (joined ? (verb === "up" ? "used" : "left") : "left alone") : "made",
    said: after.join("\n"),
  };
}
