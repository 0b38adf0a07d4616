import * as pulumi from "@pulumi/pulumi";
import type { MetalLb } from "../components/metallb";
import { type LabConfig, settingsSchema } from "../config/schema";
import { istioMinorOf } from "../config/versions";
import { curlLines } from "../experiments/curl-lines";
import type { HostFacts } from "../preflight/host";

/** The configured lab. */
interface Asked {
  stack: string;
  config: LabConfig;
  host: HostFacts;
}

/** Facts about the declared resources. */
interface Declared {
  url: pulumi.Output<string>;
  /** HTTPS address of the gateway, and the file of its CA; with module gateway-tls. */
  tls: { url: pulumi.Output<string>; caFile: string } | undefined;
  kubeconfig: pulumi.Output<string>;
  context: pulumi.Input<string> | undefined;
  /** Name of the kind cluster; none on an existing one. */
  clusterName: string | undefined;
  metallb: MetalLb | undefined;
  /** Declared objects that affect traffic. */
  declared: pulumi.Output<unknown[]>;
}

/** The stack's outputs: the addresses of the lab, and the settings that the verifier uses. */
export function labOutputs({ stack, config, host }: Asked, { clusterName, metallb, tls, ...ways }: Declared) {
  // The experiments compare the cluster with these settings, because the configuration may have changed since.
  const settings = {
    ...settingsSchema.parse(config),
    cluster: config.cluster,
    httpsPort: config.cluster === "kind" ? host.httpsPort : 443,
  };
  return {
    ...ways,
    ...(tls ? { tls } : {}),
    curl: pulumi
      .all([ways.url, tls])
      .apply(([reach, secure]) => curlLines(settings, reach, { stack, ...(secure ? { tls: secure } : {}) })),
    ...(clusterName ? { clusterName } : {}),
    ...(config.addons.length > 0
      ? { dashboards: `npm run lab -- open ${config.addons.join("|")} --stack ${stack}` }
      : {}),
    settings,
    versions: {
      istio: config.istioVersion,
      gatewayApi: host.gatewayApi?.version ?? istioMinorOf(config.istioVersion)?.gatewayApi ?? "",
      ...(metallb ? { metallb: config.metallbVersion } : {}),
    },
  };
}
