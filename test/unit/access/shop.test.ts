import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { computeDecision } from "../../../access/computed/decide";
import { findings } from "../../../access/computed/findings";
import { senderOf } from "../../../access/computed/objects/pods";
import { readMesh } from "../../../access/mesh/read";
import { planQuestions } from "../../../access/prove";
import { readQuestions } from "../../../access/questions/parse";
import type { Destination, Mesh } from "../../../access/types";
import { run } from "../../../cli/run";
import { image } from "../../../modules/grpc/objects";
import { textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import { fakeIo } from "../cli/world";
import { refusedByPolicy } from "../verify/fake/lines";
import { living, meshConfig, podOf } from "./computed/living";
import { FakeCluster, type FakeEnd, type FakeRequest } from "./fake-cluster";

const root = join(__dirname, "../../..");
const folder = "examples/shop";
const page = readFileSync(join(root, "docs/how-to/prove-your-policies.md"), "utf8");
const never = new AbortController().signal;

const objectsIn = (file: string): KubeObject[] =>
  parseAllDocuments(readFileSync(join(root, folder, file), "utf8")).map((document) => document.toJS());

/** A cluster to which these files were applied, one after another. */
function cluster(
  files: readonly string[],
  end: (request: FakeRequest) => FakeEnd = () => ({ status: 0 }),
): FakeCluster {
  const key = ({ kind, metadata }: KubeObject) => `${kind} ${metadata?.name}`;
  const applied = new Map(files.flatMap(objectsIn).map((object) => [key(object), object]));
  const ztunnel = podOf("istio-system", "ztunnel-1", { app: "ztunnel" }, {}, false);
  return new FakeCluster([...living([...applied.values()]), ztunnel, meshConfig("{}")], end);
}

/** A mesh that does what its configuration says. */
async function obedient(files: readonly string[]): Promise<FakeCluster> {
  const mesh = await readMesh(cluster(files), never);
  return cluster(files, ({ pod, address, method, path, host }) => {
    const decision = computeDecision(mesh, {
      from: { ...senderOf(pod), inMesh: pod.metadata?.labels?.["istio.io/dataplane-mode"] === "ambient" },
      to: destinationOf(mesh, address),
      ...{ method, path: path.split("?")[0] ?? "", host, headers: {} },
    });
    const { outcome, by, policy = "", waypoint } = decision;
    if (outcome === "denied" && by === "ztunnel") {
      const connection = { to: "pod-1", error: "http status: 401 Unauthorized", far: refusedByPolicy };
      return { status: 0, exit: 56, error: "Recv failure: Connection reset by peer", connection };
    }
    if (outcome === "denied") {
      const name = policy.split("/")[1];
      const rule = name === "nobody-deletes" ? `ns[shop]-policy[${name}]-rule[0]` : "none";
      const details = `rbac_access_denied_matched_policy[${rule}]`;
      return { status: 403, waypoint: { details, upstream: "-" }, connection: { to: "waypoint-1" } };
    }
    return {
      status: 200,
      connection: { to: waypoint ? "waypoint-1" : "pod-1" },
      ...(waypoint ? { waypoint: {} } : {}),
    };
  });
}

/** The Service or the pod of an address, with its port. */
function destinationOf(mesh: Mesh, address: string): Destination {
  const [host = "", port = ""] = address.split(":");
  const found = mesh.objects.find(({ kind, status }) => kind === "Pod" && textAt(status, "podIP") === host);
  const name = { namespace: "shop", name: found?.metadata?.name ?? host.split(".")[0] ?? "" };
  return found
    ? { kind: "pod", pod: name, port: Number(port) }
    : { kind: "service", service: name, port: Number(port) };
}

async function matrix(...files: readonly string[]): Promise<string> {
  const shop = cluster(files);
  const io = fakeIo({ clock: shop.clock, openCluster: async () => shop });
  const args = ["--kubeconfig", "/k", "--context", "test", "--namespace", "shop", "--computed"];
  expect(await run(["reach", ...args], io), io.err()).toBe(0);
  return io.out();
}

/** The questions whose expectation the configuration does not fulfil. */
async function unfulfilled(...files: readonly string[]): Promise<string[]> {
  const mesh = await readMesh(cluster(files), never);
  const planned = planQuestions(mesh, [readQuestions(join(root, folder, "questions.yaml"))], {});
  expect(planned.length).toBe(7);
  return planned.flatMap(({ title, request, expected, policy }) => {
    const decision = computeDecision(mesh, request);
    const by = expected.outcome === "denied" ? expected.by : undefined;
    const fits = decision.outcome === expected.outcome && decision.by === by;
    return fits && (policy === undefined || decision.policy === policy) ? [] : [`${title}: ${decision.outcome}`];
  });
}

const before = ["shop.yaml", "policies.yaml"];
const after = [...before, "fixed-policy.yaml"];

describe("the shop, computed from its files", () => {
  test("lets a pod outside the mesh reach payments, and nothing else", async () => {
    const outside = (await matrix(...before)).split("\n").filter((line) => line.includes("outside the mesh"));
    expect(outside.map((line) => /✓/.test(line))).toEqual([false, true, false]);
  });

  test("fails the questions about the hole alone", async () => {
    expect(await unfulfilled(...before)).toEqual([
      "a pod outside the mesh does not charge: allowed",
      "web does not reach the pods of payments around the waypoint: allowed",
    ]);
  });

  test("has the finding of audit that the page names, until the policy is fixed", async () => {
    const around = async (files: readonly string[]) =>
      findings(await readMesh(cluster(files), never)).filter(({ id }) => id === "around-the-waypoint");
    expect((await around(before)).map(({ object }) => object)).toEqual(["Service shop/payments"]);
    expect(await around(after)).toEqual([]);
  });

  test("has no hole with the fixed policy", async () => {
    expect(await unfulfilled(...after)).toEqual([]);
    expect(await matrix(...after)).not.toMatch(/outside the mesh.*✓/);
  });

  test("fails the gate of a pull request until the policy is fixed", async () => {
    const gate = async (files: readonly string[]) => {
      const shop = await obedient(files);
      const io = fakeIo({ clock: shop.clock, openCluster: async () => shop });
      const junit = join(mkdtempSync(join(tmpdir(), "shop-")), "prove.xml");
      const args = ["--kubeconfig", "/k", "--context", "test", "--yes", "--junit", junit];
      const code = await run(["prove", join(root, folder, "questions.yaml"), ...args], io);
      return { code, failed: readFileSync(junit, "utf8").match(/<failure /g)?.length ?? 0, out: io.out() };
    };
    const failed = await gate(before);
    expect(failed, failed.out).toMatchObject({ code: 1, failed: 2 });
    const passed = await gate(after);
    expect(passed, passed.out).toMatchObject({ code: 0, failed: 0 });
  });

  test("is shown in the page as it is computed", async () => {
    const blocks = [...page.matchAll(/```text\n([\s\S]*?)```/g)].map(([, text = ""]) => text.trim());
    const shown = async (files: readonly string[]) => (await matrix(...files)).trim();
    expect(blocks).toContain(await shown(before));
  });

  test("has five policies, and the image of the lab's own module", () => {
    expect(objectsIn("policies.yaml").map(({ kind }) => kind)).toEqual(Array(5).fill("AuthorizationPolicy"));
    const images = readFileSync(join(root, folder, "shop.yaml"), "utf8").match(/image: .*/g);
    expect(new Set(images)).toEqual(new Set([`image: ${image}`]));
  });
});
