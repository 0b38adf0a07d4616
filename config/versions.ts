import { type AddonName, addonNames } from "./vocabulary";

/**
 * Every pin of the lab. A version changes here (or in the lockfile) and nowhere else.
 * Chart and manifest digests are not ours: they come from Helm's index or from the first download (artifacts/fetch.ts).
 */
export const versions = {
  /** Istio where the config key `istioVersion` names no other: charts, images and the addon manifests of the same tag. */
  istio: "1.31.4",
  /** Gateway API bundle, standard channel: the one Istio 1.31 builds and tests with. */
  gatewayApi: "v1.6.0",
  /** MetalLB where the config key `metallbVersion` names no other. */
  metallb: "v0.16.2",
  /** kind CLI. The node image below belongs to this release. */
  kind: "v0.33.0",
  /** Pulumi CLI. A newer CLI runs the SDK of package.json. */
  pulumi: "3.259.0",
  /** go-httpbin, the base of the app image. */
  httpbin: "v2.15.0",
  /** CNCF distribution, the cache of `imageCache`. */
  registry: "3.0.0",
  /** Kubernetes' own image for tests, as its 1.34 uses it: a server of gRPC's health service. */
  agnhost: "2.56",
  /** curl's own image, for requests in a cluster that the lab did not make. */
  curl: "8.16.0",
} as const;

/** Default node image of the pinned kind, by digest (sigs.k8s.io/kind v0.33.0, pkg/apis/config/defaults/image.go). */
export const nodeImage = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";

/** Node images that the lab names, newest first: the default, and that of kind v0.32.0 for an Istio that does not support it. */
export const nodeImages: readonly string[] = [
  nodeImage,
  "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5",
];

/** First MetalLB whose CRDs a Kubernetes >= 1.36 accepts (metallb/metallb#3034). */
export const oldestMetalLb = "v0.16.1";

/** A minor of Istio and what it is known to work with. */
export interface IstioMinor {
  /** Such as "1.31". */
  minor: string;
  /** Oldest patch that the lab takes. */
  from: string;
  /** Newest patch that is known: the one to upgrade to. */
  newest: string;
  /** Range of Kubernetes versions. */
  kubernetes: string;
  /** Gateway API bundle that the lab installs, standard channel: the one that this minor builds and tests with. */
  gatewayApi: string;
  /** Whether it has a waypoint of agentgateway (release notes of 1.31: GatewayClass istio-agentgateway-waypoint). */
  agentgateway: boolean;
  /** Range of bundles that an existing cluster may have. */
  gatewayApiRange: string;
}

/**
 * The supported combinations, oldest first. A minor is supported until six weeks after the second minor that follows it
 * (istio.io, supported releases): 1.30 until about the end of 2026 (istio/istio.io#17540).
 *
 * Newest patches: tags of istio.io/api, which every release of Istio gets (istio/release-builder, pkg/publish/github.go).
 * Kubernetes: istio/istio.io, data/compatibility/supportStatus.yml; 1.37 was added for 1.31 and for what became 1.32 on
 * 2026-09-30 (istio/istio.io#17638). Gateway API: go.mod of istio/istio at each minor; the range begins where Istio takes every
 * route kind that the lab uses (pkg/config/schema/gatewayapi/minimumversions.go) and ends at what the minor was built with.
 * The row of 1.32 was read from its development branch of 2026-08-22 (86c9f01f) and not from the release.
 * Before 1.30.4 a Gateway's Deployment is sometimes never made (istio/istio#61095).
 */
export const istioMinors: readonly IstioMinor[] = [
  {
    minor: "1.30",
    from: "1.30.4",
    newest: "1.30.8",
    kubernetes: ">=1.32.0 <1.37.0",
    gatewayApi: "v1.5.1",
    agentgateway: false,
    gatewayApiRange: ">=1.1.0 <1.6.0",
  },
  {
    minor: "1.31",
    from: "1.31.0",
    newest: versions.istio,
    kubernetes: ">=1.32.0 <1.38.0",
    gatewayApi: versions.gatewayApi,
    agentgateway: true,
    gatewayApiRange: ">=1.1.0 <1.7.0",
  },
  {
    minor: "1.32",
    from: "1.32.0",
    newest: "1.32.0",
    kubernetes: ">=1.32.0 <1.38.0",
    gatewayApi: versions.gatewayApi,
    agentgateway: true,
    gatewayApiRange: ">=1.1.0 <1.7.0",
  },
];

/** The row of {@link istioMinors} for a version of Istio; undefined when the lab does not take it. */
export function istioMinorOf(istio: string): IstioMinor | undefined {
  const [, minor, patch] = /^(\d+\.\d+)\.(\d+)$/.exec(istio) ?? [];
  return istioMinors.find((each) => each.minor === minor && Number(patch) >= Number(each.from.split(".")[2]));
}

/** Ranges (semver) of what the lab runs on. */
export const supported = {
  /** Pulumi CLIs that run @pulumi/pulumi 3.248 with the local backend's layout. */
  pulumi: ">=3.248.0 <4.0.0",
  /**
   * kind releases. An older one cannot load images into nodes of {@link nodeImages}: their containerd, 2.3, has a
   * configuration of version 4 (kind v0.31.0: "unknown containerd config version: 4"; v0.33.0, images/base/Dockerfile).
   */
  kind: ">=0.32.0 <1.0.0",
  /**
   * Node.js; the SDK of package.json is the last for 20. execa and others are ES modules, and the hook that compiles the lab
   * loads them by `require`: Node.js does that since 20.19 and 22.12, and without a warning since 22.13 (doc/api/modules.md).
   */
  node: "^20.19.0 || ^22.13.0 || >=24.0.0",
} as const;

/** What a laptop's nodes run: every image of the bill has both. */
export const nodePlatforms = ["linux/amd64", "linux/arm64"] as const;

/** Something that Pulumi installs from a file: a packed Helm chart or a manifest. */
export interface BillArtifact {
  /** Name of the artifact, and of its Helm release. */
  name: string;
  kind: "chart" | "manifest";
  version: string;
  /** Upstream address: of the chart repository (a chart) or of the file (a manifest). */
  upstream: string;
  /** SPDX licence of what it installs, its images included. */
  licence: string;
}

/** A program that the lab brings, for Linux and macOS, where the PATH has none that fits. */
export interface BillTool {
  name: "pulumi" | "kind";
  version: string;
  /** What it does for the lab: the Why of every problem with it. */
  purpose: string;
  /** Upstream folder of the release's files. */
  upstream: string;
  licence: string;
}

/** The bill of programs. */
export const tools = {
  pulumi: {
    name: "pulumi",
    version: versions.pulumi,
    purpose: "Pulumi makes the lab",
    upstream: "https://get.pulumi.com/releases/sdk",
    licence: "Apache-2.0",
  },
  kind: {
    name: "kind",
    version: versions.kind.replace(/^v/, ""),
    purpose: "kind makes the cluster's nodes out of containers",
    upstream: `https://github.com/kubernetes-sigs/kind/releases/download/${versions.kind}`,
    licence: "Apache-2.0",
  },
} as const satisfies Record<string, BillTool>;

/** Providers whose plugins the engine loads: versions and names are those of their npm packages, `@pulumi/<name>`. */
export const pluginNames = ["kubernetes", "docker", "command", "tls"] as const;

const apache = { licence: "Apache-2.0" };
const addonLicences: Partial<Record<AddonName, string>> = { grafana: "AGPL-3.0-only" };
const istioCharts = "https://blob.istio.io/istio-release/charts";

/** Versions that the configuration names. */
export interface ChosenVersions {
  istioVersion: string;
  metallbVersion: string;
}

/**
 * The bill of charts and manifests for a version of Istio and one of MetalLB.
 * @throws RangeError for an Istio that is not in {@link istioMinors}
 */
export function artifactsOf({ istioVersion: istio, metallbVersion: metallb }: ChosenVersions): BillArtifact[] {
  const gatewayApi = istioMinorOf(istio)?.gatewayApi;
  if (!gatewayApi) throw new RangeError(`No combination with Istio ${istio} is known`);
  const samples = `https://raw.githubusercontent.com/istio/istio/${istio}/samples/addons`;
  return [
    ...["base", "istiod", "cni", "ztunnel"].map(
      (name): BillArtifact => ({ name, kind: "chart", version: istio, upstream: istioCharts, ...apache }),
    ),
    {
      name: "gateway-api",
      kind: "manifest",
      version: gatewayApi,
      upstream: `https://github.com/kubernetes-sigs/gateway-api/releases/download/${gatewayApi}/standard-install.yaml`,
      ...apache,
    },
    {
      name: "metallb",
      kind: "manifest",
      version: metallb,
      upstream: `https://raw.githubusercontent.com/metallb/metallb/${metallb}/config/manifests/metallb-native.yaml`,
      ...apache,
    },
    ...addonNames.map(
      (name): BillArtifact => ({
        name,
        kind: "manifest",
        version: istio,
        upstream: `${samples}/${name}.yaml`,
        licence: addonLicences[name] ?? apache.licence,
      }),
    ),
  ];
}

/** {@link artifactsOf} the pinned versions. */
export const artifacts: readonly BillArtifact[] = artifactsOf({
  istioVersion: versions.istio,
  metallbVersion: versions.metallb,
});
