import { moduleNames } from "../../modules/index";

/** Configurations that together reach every branch of the program. */
export const profiles = {
  default: {},
  existing: { cluster: "existing", kubeconfig: "/kubeconfig", context: "lab", appImage: "registry.test/httpbin:1" },
  "existing without a load balancer": {
    ...{ cluster: "existing", kubeconfig: "/kubeconfig", context: "lab", appImage: "registry.test/httpbin:1" },
    ...{ platform: "k3s", addressRange: "10.0.0.200-10.0.0.210" },
    gatewayAnnotations: ["example.org/scheme=internal", "example.org/tags=a=b"],
  },
  "nodes pull": { imageSource: "pull" },
  "no addons": { addons: [] },
  "ready app image": { appImage: "registry.test/httpbin:1" },
  "open bypass": { closeBypass: false },
  "no fault": { faultEnabled: false },
  "nobody allowed": { allowedCallers: [] },
  roomy: { resources: "roomy", logLevel: "warning", workers: 1 },
  cached: { imageCache: true, imageMirrors: ["quay.io=https://mirror.test"] },
  "private ca": { caFile: "/etc/company-ca.pem" },
  modules: { modules: [...moduleNames] },
  "modules at their edges": { modules: [...moduleNames], splitWeight: 100, allowedCallers: [] },
  mirrored: { imageMirrors: ["docker.io=https://mirror.test"], subnet: "172.30.0.0/24" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export type Profile = keyof typeof profiles;
export const profileNames = Object.keys(profiles) as Profile[];
