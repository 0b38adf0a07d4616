import { type AddonName, addonNames } from "./vocabulary";

/**
 * Every pinned version that is not in package-lock.json. Digests of files are in {@link pinnedDigests}, as far as they are
 * known; those of charts come from the Helm index.
 */
export const versions = {
  /** Default of the configuration key `istioVersion`: charts, images, and the addon manifests of the same tag. */
  istio: "1.31.4",
  /** Gateway API bundle, standard channel: Istio 1.31 is built and tested with it. */
  gatewayApi: "v1.6.0",
  /** Default of the configuration key `metallbVersion`. */
  metallb: "v0.16.2",
  /** kind CLI. The node image below belongs to this release. */
  kind: "v0.33.0",
  /** Pulumi CLI. A newer CLI runs the SDK of package.json. */
  pulumi: "3.259.0",
  /** go-httpbin, the server of the app image. */
  httpbin: "v2.20.0",
  /** vegeta, the load generator of the app image. */
  vegeta: "v12.13.0",
  /** CNCF Distribution, the registry cache of `imageCache`. */
  registry: "3.0.0",
  /** Test image of Kubernetes 1.34: a server of the gRPC health service. */
  agnhost: "2.56",
  /** curl image, for requests in a cluster that the lab did not create. */
  curl: "8.16.0",
} as const;

/**
 * Digests of images, for all platforms, as more than three independent repositories have recorded them (2026-11). An image with another
 * digest is refused if it comes from a registry, a mirror or a cache. A bundle holds one platform of each image, and its SHA256SUMS are
 * checked.
 *
 * Images that are loaded into the nodes have no digest here: Docker writes them to an archive by their tags, and the nodes know them only
 * by these.
 */
export const imageDigests = {
  registry: "sha256:6c5666b861f3505b116bb9aa9b25175e71210414bd010d92035ff64018f9457e",
  curl: "sha256:463eaf6072688fe96ac64fa623fe73e1dbe25d8ad6c34404a669ad3ce1f104b6",
} as const satisfies Partial<Record<keyof typeof versions, string>>;

/** Default node image of the pinned kind, by digest (sigs.k8s.io/kind v0.33.0, pkg/apis/config/defaults/image.go). */
export const nodeImage = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";

/** Node images that the lab suggests, newest first: the default, and that of kind v0.32.0 for older versions of Istio. */
export const nodeImages: readonly string[] = [
  nodeImage,
  "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5",
];

/** First MetalLB whose CRDs a Kubernetes >= 1.36 accepts (metallb/metallb#3034). */
export const oldestMetalLb = "v0.16.1";

/** A minor version of Istio, and the versions that it works with. */
export interface IstioMinor {
  /** Such as "1.31". */
  minor: string;
  /** Oldest supported patch. */
  from: string;
  /** Newest known patch. */
  newest: string;
  /** Range of Kubernetes versions. */
  kubernetes: string;
  /** Gateway API bundle, standard channel, that the lab installs: this minor is built and tested with it. */
  gatewayApi: string;
  /** Whether Istio has the GatewayClass istio-agentgateway-waypoint (release notes of 1.31). */
  agentgateway: boolean;
  /** Range of Gateway API bundles that an existing cluster may have. */
  gatewayApiRange: string;
}

/**
 * The supported combinations, oldest first. A minor is supported until six weeks after the second minor that follows it
 * (istio.io, supported releases): 1.30 until about the end of 2026 (istio/istio.io#17540).
 *
 * Newest patches: tags of istio.io/api, which every release of Istio gets (istio/release-builder, pkg/publish/github.go).
 * Kubernetes: istio/istio.io, data/compatibility/supportStatus.yml; 1.37 was added for 1.31 and for the later 1.32 on
 * 2026-09-30 (istio/istio.io#17638). Gateway API: go.mod of istio/istio at each minor; the range begins where Istio supports
 * every route kind of the lab (pkg/config/schema/gatewayapi/minimumversions.go) and ends at the version of go.mod.
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

/** The row of {@link istioMinors} for a version of Istio; undefined when the lab does not support it. */
export function istioMinorOf(istio: string): IstioMinor | undefined {
  const [, minor, patch] = /^(\d+\.\d+)\.(\d+)$/.exec(istio) ?? [];
  return istioMinors.find((each) => each.minor === minor && Number(patch) >= Number(each.from.split(".")[2]));
}

/** Supported versions of the lab's requirements, as semver ranges. */
export const supported = {
  /** Pulumi CLIs that run @pulumi/pulumi 3.248 with the layout of the local backend. */
  pulumi: ">=3.248.0 <4.0.0",
  /**
   * kind releases. An older one cannot load images into nodes of {@link nodeImages}: their containerd, 2.3, has a
   * configuration of version 4 (kind v0.31.0: "unknown containerd config version: 4"; v0.33.0, images/base/Dockerfile).
   */
  kind: ">=0.32.0 <1.0.0",
  /**
   * Node.js; the SDK of package.json is the last for 20. The hook that compiles the lab loads ES modules such as execa by
   * `require`: Node.js supports that since 20.19 and 22.12, and without a warning since 22.13 (doc/api/modules.md).
   */
  node: "^20.19.0 || ^22.13.0 || >=24.0.0",
} as const;

/** Platforms of the nodes: every image of the bill has both. */
export const nodePlatforms = ["linux/amd64", "linux/arm64"] as const;

/** A file that Pulumi installs: a packed Helm chart or a manifest. */
export interface BillArtifact {
  /** Name of the artifact, and of its Helm release. */
  name: string;
  kind: "chart" | "manifest";
  version: string;
  /** Upstream URL of the chart repository (a chart) or of the file (a manifest). */
  upstream: string;
  /** SHA-256 of the upstream file; absent where none is pinned: then that of the first download is recorded. */
  sha256?: string;
  /** SPDX licence of its software, including the images. */
  licence: string;
}

/** A tool that the lab installs on Linux and macOS if the PATH has no supported version. */
export interface BillTool {
  name: "pulumi" | "kind";
  version: string;
  /** Purpose of the tool, the Why of every problem with it. */
  purpose: string;
  /** Upstream folder of the release's files. */
  upstream: string;
  licence: string;
}

/**
 * SHA-256 of files that upstream releases, by address. A mirror or bundle has its own promise, SHA256SUMS: its files may differ.
 *
 * - MetalLB: the file of the Go module go.universe.tf/metallb.
 * - Gateway API: the release file is made of the files of the Go module sigs.k8s.io/gateway-api by hack/build-install-yaml.sh.
 * - Pulumi: pulumi/homebrew-tap, Formula/pulumi.rb at 51fb494, which Pulumi's release writes.
 * - kind: the release's .sha256sum files, as several independent repositories have recorded them (2026-11).
 *
 * Istio's charts have none here: the digest of each is in the index of their repository. Nor have the engine's plugins: their releases
 * list no SHA-256, and no public repository has recorded those of the versions in package.json (2026-11).
 */
export const pinnedDigests: Readonly<Record<string, string>> = {
  "https://raw.githubusercontent.com/metallb/metallb/v0.16.2/config/manifests/metallb-native.yaml":
    "e5f7c268f114c446dc60aaad71b7cabf861f637743e033e354d7d48592807c6d",
  "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.0/standard-install.yaml":
    "a557172e8348f758479e9ee4000bbbb4b4aa48302a6b73461823ea5349bad56d",
  "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.5.1/standard-install.yaml":
    "751002b3b91a87f7ae3bd2517c79a47a8d7ed6702901808a1cf9bd97d284f9b8",
  "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-linux-x64.tar.gz":
    "94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5",
  "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-linux-arm64.tar.gz":
    "edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853",
  "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-darwin-x64.tar.gz":
    "eaca4c3b8277bfa3ab061fa3b270d1c66358a0b2e613da8c5587a04b7226c534",
  "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-darwin-arm64.tar.gz":
    "57c27f179e527e2cf9f62b841a448af72a020e44b2fb4ee0d9bd85556c00c864",
  "https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/kind-linux-amd64":
    "aee6151561422756b764a4ae28e7f44cda5af5a9eead3cc9985112b1de8d8e0d",
  "https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/kind-linux-arm64":
    "20022bee6cfcd5086cb7234d218e3454e6090022f2a8f55d1fa7fcf42c3867a2",
  "https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/kind-darwin-amd64":
    "5a99f26f57246dc9319dd294803313197a0f34d33c525b3ea8b655db5916ece0",
  "https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/kind-darwin-arm64":
    "0c8c7dbe5e23594a198b786c4bc13dacc101fa6196b0cb0b23a1ca44e61f4b4f",
};

/** The bill of tools. */
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

/** Versions that the configuration chooses. */
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
  const pinned = (upstream: string) => {
    const sha256 = pinnedDigests[upstream];
    return sha256 ? { upstream, sha256 } : { upstream };
  };
  const samples = `https://raw.githubusercontent.com/istio/istio/${istio}/samples/addons`;
  return [
    ...["base", "istiod", "cni", "ztunnel"].map(
      (name): BillArtifact => ({ name, kind: "chart", version: istio, upstream: istioCharts, ...apache }),
    ),
    {
      name: "gateway-api",
      kind: "manifest",
      version: gatewayApi,
      ...pinned(`https://github.com/kubernetes-sigs/gateway-api/releases/download/${gatewayApi}/standard-install.yaml`),
      ...apache,
    },
    {
      name: "metallb",
      kind: "manifest",
      version: metallb,
      ...pinned(`https://raw.githubusercontent.com/metallb/metallb/${metallb}/config/manifests/metallb-native.yaml`),
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

/** The bill of charts and manifests for the pinned versions. */
export const artifacts: readonly BillArtifact[] = artifactsOf({
  istioVersion: versions.istio,
  metallbVersion: versions.metallb,
});
