import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiServer, type KubernetesObject, startApiServer } from "../support/apiserver";
import { type Project, projectCopy } from "../support/pulumi-project";
import { requires } from "../support/skip";

const skip = requires("field-owners", {
  programs: ["pulumi", "pulumi-resource-kubernetes", "go", "openssl", "curl"],
  rig: true,
});
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

  it("are changed by preview and up all the same", async () => {
    const { spec } = await live();
    await api.apply({ ...policy, spec }, { manager: "kubectl" });
    await allow("GET", "POST");
    expect((await project.changes()).map(({ op, name }) => `${op} ${name}`)).toEqual(["update policies-appb-l7"]);
    await project.ok(["up", "--yes", "--skip-preview"]);
    expect(JSON.stringify((await live()).spec)).toContain('"POST"');
  });
});
