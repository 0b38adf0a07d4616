import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Artifacts } from "./artifacts";
import { Addons } from "./components/addons";
import { AppImage } from "./components/app-image";
import { DemoApps } from "./components/demo-apps";
import { GatewayApi } from "./components/gateway-api";
import { cachedRegistries, ImageCache } from "./components/image-cache";
import { Images } from "./components/images";
import { Ingress } from "./components/ingress";
import { IstioAmbient } from "./components/istio-ambient";
import { KindCluster } from "./components/kind-cluster";
import { MetalLb } from "./components/metallb";
import { moduleComponents } from "./components/modules";
import { Policies } from "./components/policies";
import { Waypoint } from "./components/waypoint";
import type { LabConfig } from "./config";
import { curlLines } from "./experiments/curl-lines";
import { clusterName, stackDir } from "./host";
import type { HostFacts } from "./host-check";
import { istioImages, versions } from "./versions";

/** All that decides which lab is declared. */
export interface LabInput {
  stack: string;
  config: LabConfig;
  artifacts: Artifacts;
  host: HostFacts;
}

/**
 * Declares the lab, part by part in the order of its story. Every edge is a true one: what is not named in a
 * `dependsOn` does not wait.
 *
 * @returns the stack's outputs
 */
export function declareLab({ stack, config, artifacts, host }: LabInput) {
  const engine = host.dockerHost ? { provider: new docker.Provider("docker", { host: host.dockerHost }) } : {};
  const name = clusterName(stack);
  const caches = config.cluster === "kind" && config.imageCache ? cachedRegistries(config.imageMirrors) : [];
  const origin = { imageMirrors: config.imageMirrors, caches, bundle: artifacts.bundle?.folder };
  const { caFile } = config;
  const cacheRunning =
    caches.length > 0
      ? new ImageCache("image-cache", { ...origin, caFile, caDigest: host.caDigest }).running
      : undefined;

  const kind =
    config.cluster === "kind"
      ? new KindCluster(
          "cluster",
          { ...config, ...host, ...origin, cacheRunning, stack, clusterName: name, stackDir: stackDir(stack) },
          { ...engine },
        )
      : undefined;
  const gone = kind ? { deletedWith: kind.cluster } : {};
  const context = kind?.context ?? config.context;
  const kubeconfig = kind?.kubeconfig ?? pulumi.output(config.kubeconfig ?? "");
  const clusterId = kind?.clusterId ?? pulumi.output(context ?? "");

  const provider = new k8s.Provider(
    "kubernetes",
    {
      kubeconfig,
      context,
      clusterIdentifier: clusterId,
      upsertExistingObjects: true,
      enableConfigMapMutable: true,
      enableSecretMutable: true,
      suppressHelmHookWarnings: true,
    },
    gone,
  );
  const inCluster = (...dependsOn: (pulumi.Resource | undefined)[]) => ({
    ...gone,
    provider,
    dependsOn: dependsOn.filter((each) => each !== undefined),
  });

  const images =
    kind && config.imageSource === "preload"
      ? new Images("images", {
          clusterName: name,
          cluster: kind.cluster,
          ...origin,
          cacheRunning,
          groups: {
            // Apart from the mesh's: MetalLB's own probes wait ten seconds, and the gateway waits for its address.
            metallb: artifacts.images("metallb"),
            mesh: istioImages,
            addons: config.addons.flatMap((addon) => artifacts.images(addon)),
          },
        })
      : undefined;
  const app = new AppImage(
    "app",
    {
      context: join(__dirname, "images", "httpbin"),
      ready: config.appImage ?? artifacts.bundle?.appImage,
      ...origin,
      stack,
      clusterName: name,
      cluster: kind?.cluster,
    },
    { ...engine },
  );

  const metallb = kind
    ? new MetalLb(
        "metallb",
        { chart: artifacts.chart("metallb"), subnet: kind.subnet },
        inCluster(...(images?.loaded("metallb") ?? [])),
      )
    : undefined;
  const gatewayApi = new GatewayApi("gateway-api", { chart: artifacts.chart("gateway-api") }, inCluster());
  const istio = new IstioAmbient(
    "istio",
    {
      ...config,
      tracing: config.addons.includes("jaeger"),
      charts: {
        base: artifacts.chart("base"),
        istiod: artifacts.chart("istiod"),
        cni: artifacts.chart("cni"),
        ztunnel: artifacts.chart("ztunnel"),
      },
      after: [...(kind ? [kind.sysctls] : []), ...(images?.loaded("mesh") ?? [])],
      gatewayApi,
    },
    inCluster(),
  );
  new Addons(
    "addons",
    {
      charts: Object.fromEntries(config.addons.map((addon) => [addon, artifacts.chart(addon)])),
      after: [istio.base, ...(images?.loaded("addons") ?? [])],
    },
    inCluster(),
  );

  new DemoApps("apps", { image: app.ref, imageId: app.imageId }, inCluster(istio.enrolment, app));
  const ingress = new Ingress(
    "ingress",
    { domain: config.domain, loopback: kind !== undefined },
    inCluster(istio.controlPlane, metallb),
  );
  new Waypoint("waypoint", inCluster(istio.controlPlane));
  new Policies(
    "policies",
    {
      ...config,
      ...(config.faultEnabled
        ? { fault: { path: config.faultPath, delay: config.faultDelay, percent: config.faultPercent } }
        : {}),
    },
    inCluster(istio.controlPlane),
  );

  for (const module of config.modules) {
    const Component = moduleComponents[module];
    if (Component)
      new Component(module, { ...config, image: app.ref, imageId: app.imageId }, inCluster(istio.enrolment, app));
  }

  const host80 = kind ? pulumi.output(`127.0.0.1:${host.httpPort}`) : ingress.address;
  const url = pulumi.interpolate`http://${host80}`;
  const settings = settingsOf(config);
  return {
    url,
    curl: url.apply((reach) => curlLines(settings, reach)),
    kubeconfig,
    context,
    ...(kind ? { clusterName: name } : {}),
    ...(config.addons.length > 0
      ? { dashboards: `npm run lab -- open ${config.addons.join("|")} --stack ${stack}` }
      : {}),
    settings,
    versions: { istio: versions.istio, gatewayApi: versions.gatewayApi, metallb: versions.metallb },
  };
}

/** What the proofs expect: they compare the cluster with this, not with the configuration of the moment. */
function settingsOf(config: LabConfig) {
  const { cluster, workers, domain, allowedCallers, allowedMethods, closeBypass, addons, modules, splitWeight } =
    config;
  const { faultEnabled, faultPath, faultDelay, faultPercent } = config;
  const fault = { faultEnabled, faultPath, faultDelay, faultPercent };
  const callers = { allowedCallers, allowedMethods, closeBypass };
  return { cluster, workers, domain, ...callers, ...fault, addons, modules, splitWeight };
}
