import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { artifactPath } from "../../artifacts/fetch";
import { istioImagesOf } from "../../config/image-names";
import { artifactsOf, istioMinorOf } from "../../config/versions";
import { type ModuleName, moduleNames } from "../../modules/index";
import { type OthersCluster, startOthersCluster } from "../support/others-cluster";
import { type Project, projectCopy } from "../support/pulumi-project";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";

/** A lab in a cluster that other users created and use, from up to destroy. */
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const appImage = "docker.io/ambient-lab/rig-httpbin:2";
const { artifactSource, ...chosen } = artifactsAtHand();
const metallbImages = ["controller", "speaker"].map((name) => `quay.io/metallb/${name}:${chosen.metallbVersion}`);
/** An older patch version to upgrade from, if its charts are available. */
const charts = join(artifactSource, "charts");
const older = (existsSync(charts) ? readdirSync(charts) : [])
  .flatMap((file) => /^istiod-(.+)\.tgz$/.exec(file)?.[1] ?? [])
  .find((version) => version !== chosen.istioVersion && istioMinorOf(version));
const images = [
  ...[appImage, ...istioImagesOf(chosen.istioVersion), ...metallbImages],
  ...(older ? istioImagesOf(older) : []),
];
const skip = requires("existing-cluster", {
  docker: true,
  programs: [...enginePrograms, "kind"],
  images: [nodeImage, ...images],
  artifacts: true,
});
const stack = "existing";

/** Modules whose images the rig does not have, and "chaos", which stops nodes. */
const leftOut: readonly ModuleName[] = ["agentgateway", "grpc", "chaos"];
const modules = moduleNames.filter((name) => !leftOut.includes(name));

const manifests = artifactsOf(chosen)
  .filter(({ name }) => name === "metallb" || name === "gateway-api")
  .map((artifact) => join(artifactSource, artifactPath(artifact)));

describe.skipIf(skip)("a lab in a cluster of others", () => {
  let project: Project;
  let others: OthersCluster;
  let before: Map<string, unknown>;
  const up = async (...args: string[]) => {
    const result = await project.lab(["up", "--yes", ...args]);
    expect(result.code, `${result.stderr.slice(-6000)}\n${result.stdout}`).toBe(0);
  };

  beforeAll(async () => {
    others = await startOthersCluster(nodeImage, images, manifests);
    project = await projectCopy(stack);
    before = await others.objects();
  });

  afterAll(async () => {
    await others?.remove();
    project?.remove();
  });

  it("is created with its modules and verified", async () => {
    const { kubeconfig, context } = others;
    const where = ["cluster=existing", `kubeconfig=${kubeconfig}`, `context=${context}`, `appImage=${appImage}`];
    const first = { ...chosen, istioVersion: older ?? chosen.istioVersion };
    const versions = Object.entries(first).map(([key, version]) => `${key}=${version}`);
    const what = [`artifactSource=${artifactSource}`, ...versions, "addons=[]", `modules=[${modules.join(", ")}]`];
    await up("--config", ...where, ...what);
  });

  it("changes only one object of others: the label of the namespace that it enrols", async () => {
    const now = await others.objects();
    const changed = [...before].filter(([key, object]) => JSON.stringify(now.get(key)) !== JSON.stringify(object));
    expect(changed.map(([key]) => key)).toEqual(["Namespace /default"]);
  });

  it("applies changed settings", async () => {
    await up("--no-verify", "--config", "faultPercent=30", "allowedCallers=[gateway]", "modules=[egress]");
    const policy = await others.kubectl(["get", "authorizationpolicy", "appb-l7", "--namespace=default", "-o", "json"]);
    expect(policy).not.toContain("/sa/appa");
  });

  it.skipIf(!older)("is upgraded in place and verified", async () => {
    await up("--config", `istioVersion=${chosen.istioVersion}`, "faultPercent=50", "allowedCallers=[appa, gateway]");
    const image = "jsonpath={.spec.template.spec.containers[0].image}";
    const istiod = await others.kubectl(["get", "deployment", "istiod", "--namespace=istio-system", "-o", image]);
    expect(istiod).toContain(`:${chosen.istioVersion}`);
  });

  it("is destroyed, and every object is as before", async () => {
    const destroy = await project.lab(["destroy", "--yes"]);
    expect(destroy.code, destroy.stderr.slice(-6000)).toBe(0);
    const after = await others.objects();
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [key, object] of before) expect(after.get(key), key).toEqual(object);
  });
});
