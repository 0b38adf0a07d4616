import { describe, expect, test } from "vitest";
import { type Combination, kubernetesOf, supportTable, versionProblems } from "../../../config/compatibility";
import { istioMinors, nodeImage, versions } from "../../../config/versions";

const istio = versions.istio;
const whatsOf = (combination: Partial<Combination>) =>
  versionProblems({ istio, ...combination }).map(({ what }) => what);

describe("versionProblems()", () => {
  test.each<[string, Partial<Combination>]>([
    ["nothing else is known", {}],
    ["Kubernetes is the oldest of its range", { kubernetes: "1.32.0" }],
    ["Kubernetes is the newest of its range, as a cloud writes it", { kubernetes: "v1.37.9-eks-1a2b3c" }],
    ["the same Istio is there", { installed: istio }],
    ["an older patch is there", { installed: "1.31.0" }],
    ["the minor before is there", { installed: "1.30.4" }],
    ["a newer patch is there", { installed: "1.31.9" }],
    ["the Gateway API is there, older than the bundle", { gatewayApi: { version: "v1.2.1", channel: "standard" } }],
  ])("has nothing against versions when %s", (_, combination) => {
    expect(whatsOf(combination)).toEqual([]);
  });

  test.each<[Partial<Combination>, string]>([
    [{ kubernetes: "1.31.14" }, `Istio ${istio} does not support Kubernetes 1.31.14`],
    [{ kubernetes: "v1.38.0" }, `Istio ${istio} does not support Kubernetes 1.38.0`],
    [{ istio: "1.30.8", kubernetes: "v1.37.0" }, "Istio 1.30.8 does not support Kubernetes 1.37.0"],
    [
      { gatewayApi: { version: "v1.0.0", channel: "standard" } },
      `Istio ${istio} does not go with the Gateway API v1.0.0 that this cluster has`,
    ],
    [
      { istio: "1.30.4", gatewayApi: { version: "v1.6.0", channel: "standard" } },
      "Istio 1.30.4 does not go with the Gateway API v1.6.0 that this cluster has",
    ],
    [
      { gatewayApi: { version: "v1.6.0", channel: "experimental" } },
      'The Gateway API v1.6.0 that this cluster has is of the channel "experimental"',
    ],
    [{ installed: "1.29.2" }, `Istio 1.29.2 cannot become ${istio} in one step: more than one minor lies between them`],
    [{ istio: "1.30.5", installed: "1.31.1" }, "Istio 1.31.1 cannot become 1.30.5, which is an older minor"],
    [{ installed: "2.0.0" }, `Istio 2.0.0 cannot become ${istio}, which is an older minor`],
  ])("refuses %j", (combination, what) => {
    expect(whatsOf(combination)).toEqual([what]);
  });

  test("names every problem at once, and the next minor to go to", () => {
    const problems = versionProblems({ istio, kubernetes: "1.31.0", installed: "1.29.2" });
    expect(problems).toHaveLength(2);
    expect(problems[1]?.fix).toContain(`npm run lab -- config set istioVersion ${istioMinors[0]?.newest} `);
  });

  test("sends a lab whose next minor is no longer supported to a new one", () => {
    const [problem] = versionProblems({ istio, installed: "1.20.1" });
    expect(problem?.fix).toBe("remake the lab: npm run destroy && npm run up");
  });

  test("names a node image that the Istio asked for supports", () => {
    for (const { newest } of istioMinors) {
      const [problem] = versionProblems({ istio: newest, kubernetes: "1.31.0" });
      const [, image = ""] = /^npm run lab -- config set nodeImage (\S+) /.exec(problem?.fix ?? "") ?? [];
      expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
      expect(versionProblems({ istio: newest, kubernetes: kubernetesOf(image) })).toEqual([]);
    }
  });

  test("shows the table of what is supported", () => {
    const [problem] = versionProblems({ istio, kubernetes: "1.31.0" });
    expect(problem?.why).toBe(supportTable());
    for (const { minor, kubernetes, gatewayApi } of istioMinors) {
      expect(supportTable()).toMatch(
        new RegExp(`^ {2}${minor} \\(from .*${kubernetes.replace(/[.]/g, "\\.")} .*${gatewayApi}`, "m"),
      );
    }
  });
});

test.each([
  [nodeImage, "1.37.0"],
  ["kindest/node:v1.34.2-rig", "1.34.2"],
  ["registry.test:5000/kindest/node:v1.33.7", "1.33.7"],
  ["registry.test:5000/kindest/node:latest", undefined],
  ["kindest/node", undefined],
])("kubernetesOf() of %s is %s", (image, version) => {
  expect(kubernetesOf(image)).toBe(version);
});
