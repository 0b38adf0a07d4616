import { principalOf } from "../../../../config/vocabulary";
import { hostOf } from "../../../../experiments/names";
import type { KubeObject } from "../../../../verify/lab-client";
import { deployment, type Fields, object, service, yes } from "./objects";

const gatewayApi = "gateway.networking.k8s.io/v1";
const policy = (path: string, spec: Fields): KubeObject =>
  object("security.istio.io/v1", `AuthorizationPolicy/${path}`, { spec });
const from = (...principals: string[]) => [{ source: { principals } }];
const get = [{ operation: { methods: ["GET"] } }];
const waypoint = (path: string, namespaces: Fields): KubeObject[] => [
  object(gatewayApi, `Gateway/${path}`, {
    spec: { gatewayClassName: "istio-waypoint", listeners: [{ allowedRoutes: { namespaces } }] },
  }),
  deployment(...(path.split("/") as [string, string])),
];
const bound = (to: string) => yes("istio.io/WaypointBound", `Successfully attached to waypoint ${to}`);

/** What the module egress adds. */
export const egress = (): KubeObject[] => [
  ...["egress", "outside"].map((name) => object("v1", `Namespace//${name}`, {})),
  deployment("outside", "external"),
  service("outside", "external", 8000, 8080),
  ...waypoint("egress/egress-waypoint", { from: "Same" }),
  ...(["partner", "forbidden"] as const).map((name) =>
    object(
      "networking.istio.io/v1",
      `ServiceEntry/egress/${name}`,
      {
        spec: { hosts: [hostOf(name)], endpoints: [{ address: hostOf("external") }] },
        status: { conditions: [bound("egress/egress-waypoint")] },
      },
      { labels: { "istio.io/use-waypoint": "egress-waypoint" } },
    ),
  ),
  policy("egress/partner-l7", {
    ...{ targetRefs: [{ kind: "ServiceEntry", name: "partner" }], action: "ALLOW" },
    rules: [{ from: from(principalOf("appa")), to: get }],
  }),
  object("security.istio.io/v1", "AuthorizationPolicy/egress/forbidden-deny", {
    spec: {
      targetRefs: [{ kind: "ServiceEntry", name: "forbidden" }],
      action: "DENY",
      rules: [{ to: [{ operation: { paths: ["*"] } }] }],
    },
  }),
];

/** What the module cross-namespace adds. */
export const crossNamespace = (): KubeObject[] => {
  const front = (name: string, labels: Fields, condition: Fields): KubeObject => ({
    ...service("second", name, 8000, 8080, labels, "appe"),
    status: { conditions: [condition] },
  });
  const through = (waypoint: string) => ({
    ...{ "istio.io/use-waypoint": waypoint, "istio.io/use-waypoint-namespace": "default" },
  });
  const message = 'we are not permitted to attach to waypoint "default/waypoint" (missing allowedRoutes?)';
  const denied = { type: "istio.io/WaypointBound", status: "False", reason: "AttachmentDenied", message };
  const callers = from(principalOf("appa"), principalOf("appa", "second"));
  const second = { matchLabels: { "kubernetes.io/metadata.name": "second" } };
  return [
    object("v1", "Namespace//second", {}, { labels: { "istio.io/dataplane-mode": "ambient" } }),
    deployment("second", "appe"),
    deployment("second", "appa"),
    front("appe", { "istio.io/use-waypoint": "second-waypoint" }, bound("second/second-waypoint")),
    front("appe-shared", through("shared-waypoint"), bound("default/shared-waypoint")),
    front("appe-unadmitted", through("waypoint"), denied),
    ...waypoint("second/second-waypoint", { from: "Same" }),
    ...waypoint("default/shared-waypoint", { from: "Selector", selector: second }),
    ...["appe", "appe-shared"].map((name) =>
      policy(`second/${name}-l7`, {
        ...{ targetRefs: [{ kind: "Service", name }], action: "ALLOW" },
        rules: [{ from: callers, to: get }],
      }),
    ),
    ...Object.entries({
      "appe-waypoint-only": principalOf("second-waypoint", "second"),
      "appe-shared-only": principalOf("shared-waypoint"),
    }).map(([name, principal]) =>
      policy(`second/${name}`, {
        ...{ selector: { matchLabels: { app: "appe" } }, action: "ALLOW" },
        rules: [{ from: from(principal) }],
      }),
    ),
  ];
};
