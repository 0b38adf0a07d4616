import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Artifacts } from "../artifacts/fetch";
import { Addons } from "../components/addons";
import { AppImage } from "../components/app-image";
import { clusterProvider } from "../components/cluster-provider";
import { DemoApps } from "../components/demo-apps";
import { GatewayApi } from "../components/gateway-api";
import { cachedRegistries, ImageCache } from "../components/image-cache";
import { Images } from "../components/images";
import { Ingress } from "../components/ingress";
import { IstioAmbient } from "../components/istio-ambient";
import { KindCluster } from "../components/kind-cluster";
import { addressRange, MetalLb } from "../components/metallb";
import { type DeclaredObject, ownedBy } from "../components/ownership";
import { Policies } from "../components/policies";
import { Waypoint } from "../components/waypoint";
import type { LabConfig } from "../config/schema";
import { labelsOf } from "../host/docker-networks";
import { ownerParts } from "../host/lab-owner";
import { clusterName, stackDir } from "../host/paths";
import { makeModules } from "../modules/components";
import { caFileOf, httpsListener } from "../modules/gateway-tls/component";
import type { HostFacts } from "../preflight/host";
import { hasMetalLb, imageGroups } from "./artifacts";
import { DeclaredObjects } from "./declared";
import { labOutputs } from "./outputs";

/** Inputs of {@link declareLab}. */
export interface LabInput {
  stack: string;
  /** Owner of the lab (host/lab-owner.ts), for the labels of its Docker network. */
  owner: string;
  /** Organization of the stack in Pulumi Cloud or another service. */
  organization: string;
  config: LabConfig;
  artifacts: Artifacts;
  host: HostFacts;
  /** Ownership of the objects in an existing cluster. */
  claim?: {
    /** Value of the annotation that records the owner. */
    record: string;
    /** Rejects when the cluster has one of the objects and the lab did not create it. */
    requireOwn(objects: readonly DeclaredObject[]): Promise<void>;
  };
}

/**
 * Declares the components of the lab. A component waits only for the resources of its `dependsOn`.
 * @returns the stack's outputs
 */
export function declareLab({ stack, owner, organization, config, artifacts, host, claim }: LabInput) {
  const name = clusterName(stack);
  const { caFile, imageMirrors } = config;
  const caches = config.cluster === "kind" && config.imageCache ? cachedRegistries(imageMirrors) : [];
  const origin = { imageMirrors, caches, bundle: artifacts.bundle?.folder };
  const cacheRunning =
    caches.length > 0
      ? new ImageCache("image-cache", { ...origin, caFile, caDigest: host.caDigest }).running
      : undefined;

  const kind =
    config.cluster === "kind"
      ? new KindCluster(
          "cluster",
          {
            ...{ ...config, ...host, ...origin, cacheRunning, clusterName: name, stackDir: stackDir(stack) },
            networkLabels: labelsOf(stack, owner, organization),
            backend: ownerParts(owner).backend,
          },
          // Always this provider: a change of Docker's address must not give the resources another provider. The empty context
          // makes it ignore DOCKER_CONTEXT: it would search "default" in ~/.docker/contexts, where it does not exist.
          { provider: new docker.Provider("docker", host.dockerHost ? { host: host.dockerHost, context: "" } : {}) },
        )
      : undefined;
  const gone = kind ? { deletedWith: kind.cluster } : {};
  const context = kind?.context ?? config.context;
  const kubeconfig = kind?.kubeconfig ?? pulumi.output(config.kubeconfig ?? "");
  const clusterId = kind?.clusterId ?? pulumi.output(context ?? "");

  const objects: DeclaredObject[] = [];
  // Runs after the whole lab is declared. Objects are registered only after the provider, which waits for the check.
  const looked = claim && new Promise<void>((resolve) => setImmediate(resolve)).then(() => claim.requireOwn(objects));
  const provider = clusterProvider(
    "kubernetes",
    { kubeconfig: looked ? pulumi.all([kubeconfig, looked]).apply(([file]) => file) : kubeconfig, context, clusterId },
    gone,
  );
  const declared = new DeclaredObjects();
  const inCluster = (...dependsOn: (pulumi.Resource | undefined)[]) => ({
    ...gone,
    provider,
    transformations: [
      declared.note,
      ownedBy({ stack, record: claim?.record, declared: (object) => objects.push(object) }),
    ],
    dependsOn: dependsOn.filter((each) => each !== undefined),
  });

  const images =
    kind && config.imageSource === "preload"
      ? new Images("images", {
          clusterName: name,
          cluster: kind.cluster,
          ...origin,
          cacheRunning,
          groups: imageGroups(config, artifacts),
        })
      : undefined;
  const loaded = (group: string) => images?.loaded(group) ?? [];
  const app = new AppImage("app", {
    context: join(__dirname, "..", "images", "httpbin"),
    ready: config.appImage ?? artifacts.bundle?.appImage,
    ...origin,
    stack,
    clusterName: name,
    cluster: kind?.cluster,
    after: loaded("proxies"),
  });

  const metallb = hasMetalLb(config)
    ? new MetalLb(
        "metallb",
        {
          chart: artifacts.chart("metallb"),
          addresses: kind?.subnet.apply(addressRange) ?? config.addressRange ?? "",
        },
        inCluster(...loaded("metallb")),
      )
    : undefined;
  const gatewayApi = host.gatewayApi
    ? undefined
    : new GatewayApi("gateway-api", { chart: artifacts.chart("gateway-api") }, inCluster());
  const upgrade = host.installedIstio !== undefined && host.installedIstio !== config.istioVersion;
  const istio = new IstioAmbient(
    "istio",
    {
      ...config,
      upgrade,
      tracing: config.addons.includes("jaeger"),
      charts: {
        base: artifacts.chart("base"),
        istiod: artifacts.chart("istiod"),
        cni: artifacts.chart("cni"),
        ztunnel: artifacts.chart("ztunnel"),
      },
      // A new istiod restarts every proxy, including agentgateway.
      after: [
        ...(kind ? [kind.sysctls] : []),
        ...loaded("mesh"),
        ...(upgrade ? loaded("proxies") : []),
        ...(upgrade && config.modules.includes("agentgateway") ? loaded("modules") : []),
      ],
      gatewayApi,
    },
    inCluster(),
  );
  new Addons(
    "addons",
    {
      charts: Object.fromEntries(config.addons.map((addon) => [addon, artifacts.chart(addon)])),
      after: [istio.namespace, ...loaded("addons")],
    },
    inCluster(),
  );
  new DemoApps("apps", { image: app.ref, imageId: app.imageId }, inCluster(istio.enrolment, app));
  const proxies = { istio: config.istioVersion, ...(upgrade ? { after: [istio.dataPlane] } : {}) };
  const modules = makeModules(
    config.modules,
    {
      ...{ ...config, proxies, image: app.ref, imageId: app.imageId, images: loaded("modules") },
      ...{ loopback: kind !== undefined, httpsPort: kind ? host.httpsPort : 443, stackDir: stackDir(stack), clusterId },
    },
    inCluster(istio.enrolment, app, ...loaded("proxies")),
  );
  const https = modules.get("gateway-tls");
  const listeners = https ? [httpsListener(config.domain)] : [];
  const ingress = new Ingress(
    "ingress",
    { ...config, loopback: kind !== undefined, annotations: config.gatewayAnnotations, listeners, proxies },
    inCluster(istio.controlPlane, metallb, https, ...loaded("proxies")),
  );
  new Waypoint("waypoint", proxies, inCluster(istio.controlPlane, ...loaded("proxies")));
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

  const reach = (port: number) => (kind ? pulumi.output(`127.0.0.1:${port}`) : ingress.address);
  const url = pulumi.interpolate`http://${reach(host.httpPort)}`;
  const tls = https
    ? { url: pulumi.interpolate`https://${reach(host.httpsPort)}`, caFile: caFileOf(stackDir(stack)) }
    : undefined;
  return labOutputs(
    { stack, config, host },
    { url, tls, kubeconfig, context, clusterName: kind && name, metallb, declared: declared.output() },
  );
}
