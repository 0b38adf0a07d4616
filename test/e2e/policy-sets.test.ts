import { appendFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { ask } from "../../access/ask";
import { computeDecision } from "../../access/computed/decide";
import { istioVersion, readMesh } from "../../access/mesh/read";
import type { Observation } from "../../access/probe/observe";
import { agreement } from "../../access/reach/matrix";
import { decisionText } from "../../access/report";
import type { AccessDecision, AccessRequest, Mesh } from "../../access/types";
import { labFacts, readOutputs } from "../../cli/stack/lab";
import { istioImagesOf } from "../../config/image-names";
import { exec } from "../../host/exec";
import { realClock } from "../../verify/eventually";
import { kubeClusterClient } from "../../verify/kube";
import type { ClusterClient, KubeObject } from "../../verify/lab-client";
import { removeFromDocker } from "../support/leftovers";
import { type Project, projectCopy } from "../support/pulumi-project";
import { issuer } from "../support/signed-tokens";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";
import { type PolicySet, policySets } from "../unit/access/computed/policy-sets";

/**
 * Compares the results of `computeDecision` for the policy sets with the results of gateway, waypoint and ztunnel. The lab is a new one, or the
 * running one of the context LAB_LIVE_CONTEXT in the kubeconfig LAB_LIVE_KUBECONFIG, whose policies are removed and restored.
 * With LAB_POLICY_SETS, a line about each request is written to that file.
 */
const { LAB_LIVE_KUBECONFIG: liveKubeconfig, LAB_LIVE_CONTEXT: liveContext, LAB_POLICY_SETS: lines } = process.env;
const isExisting = liveKubeconfig !== undefined && liveContext !== undefined;
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const appImage = "docker.io/ambient-lab/rig-httpbin:2";
const atHand = artifactsAtHand();
const skip = requires(
  "policy sets in a mesh",
  isExisting
    ? { programs: ["kubectl"] }
    : {
        docker: true,
        programs: [...enginePrograms, "kind", "kubectl"],
        images: [nodeImage, appImage, ...istioImagesOf(atHand.istioVersion)],
        artifacts: true,
        asked: true,
      },
);

const stack = "policy-sets";
const { signal } = new AbortController();
const pause = (ms: number) => realClock.sleep(ms, signal);
/** istiod waits for 100 ms without a change before it pushes, and 10 s at most (PILOT_DEBOUNCE_AFTER, PILOT_DEBOUNCE_MAX). */
const pushMs = 3_000;
/** Maximum number of rounds for a set. MeshConfig is a mounted file, which the kubelet updates once a minute. */
const rounds = (set: PolicySet) => (set.config === undefined ? 5 : 25);

/** Kinds that decide about access; `baseObjects` of the computed sets omits the same kinds. */
const kinds = ["authorizationpolicies", "peerauthentications", "requestauthentications", "virtualservices"].map(
  (plural) => `${plural}.${plural === "virtualservices" ? "networking" : "security"}.istio.io`,
);

describe.skipIf(skip)("the policy sets in a mesh", () => {
  let project: Project | undefined;
  let client: ClusterClient;
  let address: { kubeconfig: string; context: string };
  let own: KubeObject[] = [];
  let image: string;
  const keys = issuer();

  async function kubectl(args: readonly string[], objects?: readonly KubeObject[]): Promise<string> {
    const input = objects && JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    const where = ["--kubeconfig", address.kubeconfig, "--context", address.context];
    const result = await exec("kubectl", [...where, ...args], {
      timeoutMs: 120_000,
      ...(input === undefined ? {} : { input }),
    });
    if (result.code !== 0) throw new Error(`"${args.join(" ")}" failed: ${result.stderr || result.stdout}`);
    return result.stdout;
  }
  const read = async (...what: readonly string[]): Promise<KubeObject[]> => {
    const list: KubeObject & { items?: KubeObject[] } = JSON.parse(await kubectl(["get", ...what, "--output", "json"]));
    return list.items ?? [list];
  };

  beforeAll(async () => {
    address = isExisting ? { kubeconfig: liveKubeconfig, context: liveContext } : await newLab();
    client = await kubeClusterClient(address);
    const [appa] = await read("deployment/appa", "--namespace", "default");
    image = Reflect.get(Object(appa?.spec), "template").spec.containers[0].image;
    own = (await read(kinds.join(","), "--all-namespaces")).map(bare);
    if (own.length > 0) await kubectl(["delete", "--filename", "-"], own);
  });

  afterAll(async () => {
    if (own.length > 0) await kubectl(["create", "--filename", "-"], own);
    await project?.lab(["destroy", "--yes"]);
    if (project) await removeFromDocker(stack);
    project?.remove();
  });

  async function newLab(): Promise<{ kubeconfig: string; context: string }> {
    await removeFromDocker(stack);
    project = await projectCopy(stack);
    const config = Object.entries({ nodeImage, appImage, ...atHand, addons: [] });
    const settings = Object.fromEntries(config.map(([key, value]) => [`ambient-lab:${key}`, value]));
    project.write(`Pulumi.${stack}.yaml`, stringify({ config: settings }));
    const up = await project.lab(["up", "--yes", "--no-verify"]);
    expect(up.code, `${up.stderr.slice(-6000)}\n${up.stdout}`).toBe(0);
    return labFacts(stack, readOutputs(await project.outputs()));
  }

  /** Applies a set to the mesh. @returns the undo */
  async function applied(set: PolicySet): Promise<() => Promise<void>> {
    const undo: (() => Promise<unknown>)[] = [];
    const objects = set.objects.map((object) => withKeys(object, keys.jwks));
    try {
      if (objects.length > 0) {
        undo.push(() => kubectl(["delete", "--ignore-not-found", "--filename", "-"], objects));
        await kubectl(["create", "--filename", "-"], objects);
      }
      if (set.serviceLabels) {
        const [before] = await read("service/appb", "--namespace", "default");
        const changed = Object.keys(set.serviceLabels);
        const kept = Object.fromEntries(changed.map((key) => [key, before?.metadata?.labels?.[key] ?? null]));
        undo.push(() => labelled(kept));
        await labelled(set.serviceLabels);
      }
      if (set.config !== undefined) {
        const name = ["configmap/istio", "--namespace", "istio-system"];
        const [map] = await read(...name);
        const { mesh } = Reflect.get(Object(map), "data") as { mesh: string };
        const write = (text: string) =>
          kubectl(["patch", ...name, "--type", "merge", "--patch", JSON.stringify({ data: { mesh: text } })]);
        undo.push(() => write(mesh));
        await write(stringify({ ...parse(mesh), ...parse(set.config) }));
      }
    } catch (error) {
      for (const each of undo.reverse()) await each();
      throw error;
    }
    return async () => {
      for (const each of undo.reverse()) await each();
      await pause(pushMs);
    };
  }

  const labelled = (labels: Readonly<Record<string, string | null>>) =>
    kubectl([
      ...["label", "service/appb", "--namespace", "default", "--overwrite"],
      ...Object.entries(labels).map(([key, value]) => (value === null ? `${key}-` : `${key}=${value}`)),
    ]);

  /** Sends the requests of a set until the results agree with the computed ones, or for the maximum number of rounds. */
  async function observe(set: PolicySet): Promise<{ computed: AccessDecision; observed: Observation }[]> {
    for (let round = 1; ; round += 1) {
      await pause(pushMs);
      const mesh = await readMesh(client, signal);
      const requests = set.asks.map(({ request: { claims, ...request } }) => ({
        request: { ...requestInMesh(mesh, request), ...(claims ? { claims } : {}) },
        ...(claims ? { token: keys.token(claims) } : {}),
      }));
      const observations = await ask(
        requests,
        { image, rate: 100, maxRequests: 1000 },
        { ...{ client, mesh, clock: realClock, signal }, cleanupSignal: () => signal },
      );
      const pairs = requests.flatMap(({ request }, index) => {
        const observed = observations[index];
        return observed ? [{ computed: computeDecision(mesh, request), observed }] : [];
      });
      if (pairs.every((pair) => !differs(pair)) || round === rounds(set)) return pairs;
    }
  }

  it.each(policySets.map((set) => [set.id, set] as const))("%s", async (_, set) => {
    const remove = await applied(set);
    try {
      const pairs = await observe(set);
      expect(pairs).toHaveLength(set.asks.length);
      for (const pair of pairs) if (lines) appendFileSync(lines, `${lineOf(set, pair)}\n`);
      // The results computed from the objects of the mesh are those computed from the objects of the unit test.
      const compared = set.asks.map(({ expected }, index) =>
        Object.fromEntries(Object.keys(expected).map((key) => [key, Reflect.get(pairs[index]?.computed ?? {}, key)])),
      );
      expect(compared).toEqual(set.asks.map(({ expected }) => expected));
      expect(pairs.filter(differs).map((pair) => lineOf(set, pair))).toEqual([]);
    } finally {
      await remove();
    }
  });

  it("ran with a version of Istio for which the sets are written", async () => {
    expect(istioVersion(await readMesh(client, signal))).toMatch(/^1\.(30|31|32)\./);
  });
});

/** Whether a computed decision that is known differs from the observed one. */
const differs = ({ computed, observed }: { computed: AccessDecision; observed: Observation }): boolean =>
  computed.outcome !== "unknown" && agreement({ computed, observed }) !== "agree";

const lineOf = (
  { id }: PolicySet,
  { computed, observed: { probe, answer, decision } }: { computed: AccessDecision; observed: Observation },
): string => {
  const { from, method, host, path } = probe.request;
  const who = from.kind === "gateway" ? "gateway" : from.serviceAccount;
  return `${id} | ${who} ${method} ${host}${path} | computed ${decisionText(computed)} | observed ${answer?.status ?? "-"} ${decisionText(decision)}`;
};

/** The request with an existing pod, instead of the pod of the unit test. */
function requestInMesh(mesh: Mesh, request: AccessRequest): AccessRequest {
  if (request.to.kind !== "pod") return request;
  const [app = ""] = request.to.pod.name.split("-");
  const pod = mesh.objects.find(({ kind, metadata }) => kind === "Pod" && metadata?.labels?.app === app);
  return { ...request, to: { ...request.to, pod: { namespace: "default", name: pod?.metadata?.name ?? "" } } };
}

/** Adds keys to a RequestAuthentication of a set, which Envoy requires. */
const withKeys = (object: KubeObject, jwks: string): KubeObject =>
  JSON.parse(JSON.stringify(object), (key, value) => (key === "jwks" ? jwks : value));

/** The object without server-side fields, so that it can be created again. */
function bare({ metadata = {}, status: _status, ...object }: KubeObject): KubeObject {
  const { uid: _uid, resourceVersion: _version, managedFields: _fields, ...kept } = metadata;
  for (const field of ["creationTimestamp", "generation"]) Reflect.deleteProperty(kept, field);
  return { ...object, metadata: kept };
}
