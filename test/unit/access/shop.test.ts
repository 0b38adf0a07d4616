import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { decide } from "../../../access/computed/decide";
import { findings } from "../../../access/computed/findings";
import { readMesh } from "../../../access/mesh/read";
import { planQuestions } from "../../../access/prove";
import { readQuestions } from "../../../access/questions/parse";
import { run } from "../../../cli/run";
import { image } from "../../../modules/grpc/objects";
import type { KubeObject } from "../../../verify/lab-client";
import { fakeIo } from "../cli/world";
import { living, meshConfig, podOf } from "./computed/living";
import { FakeCluster } from "./fake-cluster";

const root = join(__dirname, "../../..");
const folder = "examples/shop";
const page = readFileSync(join(root, "docs/how-to/prove-your-policies.md"), "utf8");
const never = new AbortController().signal;

const objectsIn = (file: string): KubeObject[] =>
  parseAllDocuments(readFileSync(join(root, folder, file), "utf8")).map((document) => document.toJS());

/** A cluster to which these files were applied, one after another. */
function cluster(...files: readonly string[]): FakeCluster {
  const key = ({ kind, metadata }: KubeObject) => `${kind} ${metadata?.name}`;
  const applied = new Map(files.flatMap(objectsIn).map((object) => [key(object), object]));
  const ztunnel = podOf("istio-system", "ztunnel-1", { app: "ztunnel" }, {}, false);
  return new FakeCluster([...living([...applied.values()]), ztunnel, meshConfig("{}")], () => ({ status: 0 }));
}

async function matrix(...files: readonly string[]): Promise<string> {
  const shop = cluster(...files);
  const io = fakeIo({ clock: shop.clock, openCluster: async () => shop });
  const args = ["--kubeconfig", "/k", "--context", "test", "--namespace", "shop", "--computed"];
  expect(await run(["reach", ...args], io), io.err()).toBe(0);
  return io.out();
}

/** The questions whose expectation the configuration does not fulfil. */
async function unfulfilled(...files: readonly string[]): Promise<string[]> {
  const mesh = await readMesh(cluster(...files), never);
  const planned = planQuestions(mesh, [readQuestions(join(root, folder, "questions.yaml"))], {});
  expect(planned.length).toBe(7);
  return planned.flatMap(({ title, request, expected, policy }) => {
    const decision = decide(mesh, request);
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
      findings(await readMesh(cluster(...files), never)).filter(({ id }) => id === "around-the-waypoint");
    expect((await around(before)).map(({ object }) => object)).toEqual(["Service shop/payments"]);
    expect(await around(after)).toEqual([]);
  });

  test("has no hole with the fixed policy", async () => {
    expect(await unfulfilled(...after)).toEqual([]);
    expect(await matrix(...after)).not.toMatch(/outside the mesh.*✓/);
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
