import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { stringify } from "yaml";
import type { StateResource } from "../../cli/engine/types";
import { driftTexts, findDrift, reconcileDrift } from "../../cli/recovery/drift";
import { labAddress } from "../../cli/stack/lab";
import { type ApiServer, type KubernetesObject, startApiServer } from "../support/apiserver";
import { type Project, projectCopy } from "../support/pulumi-project";
import { requires } from "../support/skip";

const server = ["go", "openssl", "curl"];
const skip = requires("field-owners", { programs: ["pulumi", "pulumi-resource-kubernetes", ...server], rig: true });
const skipReleases = requires("field-owners of releases", { programs: server, rig: true });
const policy = {
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name: "appb-l7", namespace: "default" },
};

/** The lab's policies alone, by the real engine and provider, on a real API server. */
const program = `
import * as pulumi from "@pulumi/pulumi";
import { clusterProvider } from "./components/cluster-provider";
import { Policies } from "./components/policies";
const at = new pulumi.Config("at");
const provider = clusterProvider("kubernetes", { kubeconfig: at.require("kubeconfig"), context: at.require("context"), clusterId: "rig" }, {});
new Policies("policies", { allowedCallers: ["appa"], allowedMethods: at.requireObject("methods"), closeBypass: false }, { provider });
`;

describe.skipIf(skip)("objects of the stack that another field manager wrote as well", () => {
  let api: ApiServer;
  let project: Project;
  const allow = (...methods: string[]) => project.ok(["config", "set", "at:methods", JSON.stringify(methods)]);
  const live = async () => JSON.parse(JSON.stringify(await api.read(policy))) as KubernetesObject;

  beforeAll(async () => {
    api = await startApiServer();
    project = await projectCopy("owners");
    project.write("index.ts", program);
    await project.ok(["stack", "init", "owners"]);
    await project.ok(["config", "set", "at:kubeconfig", api.kubeconfig]);
    await project.ok(["config", "set", "at:context", api.context]);
    await allow("GET");
    await project.ok(["up", "--yes", "--skip-preview"]);
  });

  afterAll(async () => {
    // Without controllers the server never ends the deletion in the foreground that the engine asks for.
    if (project) await api.delete(policy);
    project?.remove();
    await api?.stop();
  });

  it("are named with the field manager, for the values of the stack and for others", async () => {
    const { spec } = await live();
    await api.apply({ ...policy, spec }, { manager: "kubectl" });
    const state = JSON.parse(await project.ok(["stack", "export"])) as { deployment: { resources: StateResource[] } };
    const found = async () =>
      driftTexts((await findDrift(state.deployment.resources, api)) ?? { changed: [], shared: [] });
    const name = "AuthorizationPolicy default/appb-l7";
    expect(await found()).toEqual([`${name} is also written by "kubectl"   (the stack's values win)`]);
    await api.apply({ ...policy, spec: { ...Object(spec), action: "DENY" } }, { manager: "eve" });
    expect(await found()).toEqual([`${name} was changed by "eve": spec.action   (npm run up puts it back)`]);
    await (await findDrift(state.deployment.resources, api))?.changed[0]?.reconcile();
    expect(await live()).toMatchObject({ spec });
  });

  it("are left alone in the cluster of others when these made them anew", async () => {
    const { spec } = await live();
    const state = JSON.parse(await project.ok(["stack", "export"])) as { deployment: { resources: StateResource[] } };
    const { resources } = state.deployment;
    const foreign = { ...policy, spec: { ...Object(spec), action: "DENY" } };
    await api.delete(policy);
    await api.apply(foreign, { manager: "eve" });
    const said: string[] = [];
    const reconcile = (ofOthers: boolean) =>
      reconcileDrift(resources, { address: labAddress(resources) ?? api, ofOthers }, (line) => said.push(line));
    await reconcile(true);
    expect(await live()).toMatchObject({ spec: foreign.spec });
    await reconcile(false);
    expect(await live()).toMatchObject({ spec });
    const name = "AuthorizationPolicy default/appb-l7";
    expect(said).toEqual([
      `${name} was replaced by others   (not put back)`,
      `${name} was changed by "eve": spec.action   (put back)`,
    ]);
  });

  it("are changed by preview and up all the same", async () => {
    const { spec } = await live();
    await api.apply({ ...policy, spec }, { manager: "kubectl" });
    await allow("GET", "POST");
    expect((await project.changes()).map(({ op, name }) => `${op} ${name}`)).toEqual(["update policies-appb-l7"]);
    await project.ok(["up", "--yes", "--skip-preview"]);
    expect(JSON.stringify((await live()).spec)).toContain('"POST"');
  });
});

/** A definition as Helm installs it, with what the client's own types would drop or rename. */
const definitionOf = (kind: string, pattern = "a+") => {
  const plural = `${kind.toLowerCase()}s`;
  const field = { type: "string", default: "a", enum: ["a", "aa"], pattern };
  const rules = [{ rule: "self.name != 'b'", message: "no b" }];
  const spec = { type: "object", properties: { name: field }, "x-kubernetes-validations": rules };
  const marks = { "meta.helm.sh/release-name": "crds", "meta.helm.sh/release-namespace": "released" };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.drift.example.org`,
      annotations: marks,
      labels: { "app.kubernetes.io/managed-by": "Helm" },
    },
    spec: {
      group: "drift.example.org",
      names: { kind, plural },
      scope: "Cluster",
      versions: [
        {
          ...{ name: "v1", served: true, storage: true },
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
        },
      ],
    },
  };
};

describe.skipIf(skipReleases)("definitions of a Helm release of the stack", () => {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "released" } };
  const [first, second] = [definitionOf("First"), definitionOf("Second")];
  const object = { apiVersion: "drift.example.org/v1", kind: "First", metadata: { name: "one" }, spec: { name: "aa" } };
  const release: StateResource = {
    ...{ urn: "u", type: "kubernetes:helm.sh/v3:Release", inputs: { name: "crds", namespace: "released" } },
  };
  const plain: StateResource = {
    ...{ urn: "v", type: "kubernetes:drift.example.org/v1:First", inputs: object, outputs: { __fieldManager: "lab" } },
  };
  const helm = { manager: "pulumi-resource-kubernetes" };
  let api: ApiServer;
  const told = async () => {
    const drift = await findDrift([plain, release], api);
    return drift && driftTexts(drift);
  };
  const up = async (ofOthers: boolean) => {
    const said: string[] = [];
    const provider = { urn: "p", type: "pulumi:providers:kubernetes", inputs: { ...api } };
    await reconcileDrift([provider, plain, release], { address: api, ofOthers }, (line) => said.push(line));
    return said;
  };
  const live = async ({ metadata }: KubernetesObject) =>
    JSON.parse(JSON.stringify(await api.read({ ...first, metadata: { name: metadata.name } }))) as KubernetesObject;

  beforeAll(async () => {
    api = await startApiServer();
    await api.apply(namespace, helm);
    const manifest = [first, second].map((each) => `---\n# Source: x.yaml\n${stringify(each)}`).join("");
    const record = gzipSync(JSON.stringify({ name: "crds", namespace: "released", manifest })).toString("base64");
    const labels = { owner: "helm", name: "crds", status: "deployed" };
    await api.apply(
      {
        ...{ apiVersion: "v1", kind: "Secret", type: "helm.sh/release.v1", data: { release: btoa(record) } },
        metadata: { name: "sh.helm.release.v1.crds.v1", namespace: "released", labels },
      } as KubernetesObject,
      helm,
    );
    for (const definition of [first, second]) await api.apply(definition, helm);
    await vi.waitFor(() => api.apply(object, { manager: "lab" }), { timeout: 20_000 });
  });
  afterAll(async () => {
    if (!api) return;
    for (const definition of [first, second]) await api.delete(definition);
    await api.stop();
  });

  it("are no drift as Helm wrote them", async () => {
    expect(await told()).toEqual([]);
  });

  it("are named and put back when they were changed, and stay changed in the cluster of others", async () => {
    const before = await live(first);
    await api.apply(definitionOf("First", "a*"), { manager: "kubectl-edit" });
    const name = "CustomResourceDefinition firsts.drift.example.org of Helm release crds";
    const changed = `${name} was changed by "kubectl-edit": spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.name.pattern`;
    expect(await told()).toEqual([`${changed}   (npm run up puts it back)`]);
    expect(await up(true)).toEqual([`${changed}   (not put back: others in this cluster may need it)`]);
    expect(await up(false)).toEqual([`${changed}   (put back)`]);
    expect((await live(first)).spec).toEqual(before.spec);
    expect(JSON.stringify(before.spec)).toContain("self.name != 'b'");
    expect(await told()).toEqual([]);
  });

  it("are named when a field of theirs was removed, which no field manager holds", async () => {
    const { versions: _, ...withoutVersions } = second.spec;
    const [version] = second.spec.versions;
    const bare = { ...version, schema: { openAPIV3Schema: { type: "object" } } };
    // The same manager: the server then removes what it no longer names.
    await api.apply({ ...second, spec: { ...withoutVersions, versions: [bare] } } as typeof second, helm);
    expect(await told()).toEqual([
      'CustomResourceDefinition seconds.drift.example.org of Helm release crds was changed by "pulumi-resource-kubernetes": spec.versions[0].schema.openAPIV3Schema.properties   (npm run up puts it back)',
    ]);
    expect(await up(false)).toHaveLength(1);
    expect(await told()).toEqual([]);
  });

  it("are made again with their objects when they were deleted", async () => {
    await api.delete(first);
    await vi.waitFor(async () => expect(await api.has(first)).toBe(false), { timeout: 20_000 });
    // The other kind of the group is still there.
    await vi.waitFor(async () => expect((await told())?.length).toBe(2), { timeout: 20_000 });
    const gone = ["CustomResourceDefinition firsts.drift.example.org of Helm release crds", "First one"];
    expect(await told()).toEqual(gone.map((each) => `${each} was deleted by hand   (npm run up puts it back)`));
    expect(await up(false)).toEqual(gone.map((each) => `${each} was deleted by hand   (put back)`));
    expect(await told()).toEqual([]);
    expect(await api.read(object)).toMatchObject({ spec: object.spec });
  });
});

describe.skipIf(skipReleases)("objects of a Helm release of the stack", () => {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "released" } };
  const deployment = (image: string, labels: Record<string, string> = {}) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "istiod", namespace: "released", labels },
    spec: {
      selector: { matchLabels: { app: "istiod" } },
      template: {
        metadata: { labels: { app: "istiod" } },
        spec: { containers: [{ name: "discovery", image, ports: [{ containerPort: 15010 }] }] },
      },
    },
  });
  const webhook = (more: object) => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "released" },
    webhooks: [
      {
        name: "validation.istio.io",
        clientConfig: { service: { name: "istiod", namespace: "released" } },
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        failurePolicy: "Ignore",
        ...more,
      },
    ],
  });
  // Helm writes a namespace into no object whose template has none.
  const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "istio" }, data: { mesh: "a: b" } };
  const { namespace: _, ...withoutNamespace } = deployment("pilot:1").metadata;
  const manifest = [{ ...deployment("pilot:1"), metadata: withoutNamespace }, webhook({}), configMap]
    .map((object) => `---\n# Source: x.yaml\n${stringify(object)}`)
    .join("");
  const release: StateResource = {
    ...{ urn: "u", type: "kubernetes:helm.sh/v3:Release", inputs: { name: "istiod", namespace: "released" } },
  };
  const plain: StateResource = {
    ...{ urn: "v", type: "kubernetes:core/v1:Namespace", inputs: namespace, outputs: { __fieldManager: "lab" } },
  };
  let api: ApiServer;
  const find = () => findDrift([plain, release], api);

  beforeAll(async () => {
    api = await startApiServer();
    await api.apply(namespace, { manager: "lab" });
    const record = gzipSync(JSON.stringify({ name: "istiod", namespace: "released", manifest })).toString("base64");
    const labels = { owner: "helm", name: "istiod", status: "deployed" };
    await api.apply({
      ...{ apiVersion: "v1", kind: "Secret", type: "helm.sh/release.v1", data: { release: btoa(record) } },
      metadata: { name: "sh.helm.release.v1.istiod.v1", namespace: "released", labels },
    } as KubernetesObject);
    for (const changed of (await find())?.changed ?? []) await changed.reconcile();
  });
  afterAll(async () => {
    if (!api) return;
    await api.delete({ ...webhook({}) });
    await api.stop();
  });

  it("are as Helm recorded them, however istiod completes its webhooks", async () => {
    expect(await find()).toEqual({ changed: [], shared: [] });
    const caBundle = btoa("-----BEGIN CERTIFICATE-----");
    const service = { name: "istiod", namespace: "released" };
    await api.apply(webhook({ failurePolicy: "Fail", clientConfig: { service, caBundle } }), {
      manager: "pilot-discovery",
    });
    expect(await find()).toEqual({ changed: [], shared: [] });
  });

  it("are named and put back when their image was changed or they were deleted", async () => {
    await api.apply(deployment("pilot:2"), { manager: "kubectl-set" });
    await api.delete({ ...configMap, metadata: { name: "istio", namespace: "released" } });
    const drift = await find();
    expect(drift && driftTexts(drift)).toEqual([
      'Deployment released/istiod of Helm release istiod was changed by "kubectl-set": spec.template.spec.containers[0].image   (npm run up puts it back)',
      "ConfigMap released/istio of Helm release istiod was deleted by hand   (npm run up puts it back)",
    ]);
    for (const changed of drift?.changed ?? []) await changed.reconcile();
    expect(await find()).toEqual({ changed: [], shared: [] });
    expect(await api.read(deployment(""))).toMatchObject({
      metadata: { labels: { "app.kubernetes.io/managed-by": "Helm" } },
      spec: { template: { spec: { containers: [{ image: "pilot:1" }] } } },
    });
  });
});
