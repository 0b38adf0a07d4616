import { admitAll, type BrokenWorld, edit, remove } from "./breaks";

const settings = { modules: ["cross-namespace"] } as const;
const id = "cross-namespace";
const waypoint = { [id]: { layer: "waypoint" } };
const ztunnel = { [id]: { layer: "ztunnel" } };
const label = (name: string) => ["metadata", "labels", name];

/** Changes with which a lab with two namespaces must not pass. */
export const brokenNamespaces: BrokenWorld[] = [
  {
    name: "cross-namespace: the shared waypoint accepts only its own namespace",
    drift: "Gateway/shared-waypoint: spec.listeners[0].allowedRoutes.namespaces.from is Same",
    settings,
    breaks: edit("Gateway/default/shared-waypoint", ["spec", "listeners", 0, "allowedRoutes", "namespaces"], {}),
    detectedBy: waypoint,
  },
  {
    name: "cross-namespace: the story's waypoint accepts every namespace",
    drift: "Gateway/waypoint: spec.listeners[0].allowedRoutes.namespaces.from is All",
    settings,
    breaks: (state) => {
      admitAll("Gateway/default/waypoint")(state);
      edit("Service/second/appe-unadmitted", ["status", "conditions", 0, "status"], "True")(state);
    },
    detectedBy: waypoint,
  },
  {
    name: "cross-namespace: the Service names a waypoint that does not exist in its namespace",
    drift: "Service/appe-shared: label istio.io/use-waypoint-namespace is absent",
    settings,
    breaks: edit("Service/second/appe-shared", label("istio.io/use-waypoint-namespace"), undefined),
    detectedBy: waypoint,
  },
  {
    name: "cross-namespace: the shared Service uses its own namespace's waypoint",
    drift: "Service/appe-shared: label istio.io/use-waypoint is second-waypoint",
    settings,
    breaks: (state) => {
      edit("Service/second/appe-shared", label("istio.io/use-waypoint"), "second-waypoint")(state);
      edit("Service/second/appe-shared", label("istio.io/use-waypoint-namespace"), "second")(state);
    },
    detectedBy: waypoint,
  },
  {
    name: "cross-namespace: the policy lacks the namespace of its callers",
    drift: "AuthorizationPolicy/appe-l7: spec.rules[0].from[0].source.principals[0] is cluster.local/ns/second/sa/appa",
    settings,
    breaks: edit(
      "AuthorizationPolicy/second/appe-l7",
      ["spec", "rules", 0, "from", 0, "source", "principals"],
      ["cluster.local/ns/second/sa/appa"],
    ),
    detectedBy: waypoint,
  },
  {
    name: "cross-namespace: the second appa is allowed in the first namespace",
    settings,
    breaks: edit(
      "AuthorizationPolicy/default/appb-l7",
      ["spec", "rules", 0, "from", 0, "source", "principals"],
      [
        "cluster.local/ns/default/sa/appa",
        "cluster.local/ns/default/sa/gateway-istio",
        "cluster.local/ns/second/sa/appa",
      ],
    ),
    detectedBy: waypoint,
    drift: "cluster.local/ns/second/sa/appa",
  },
  {
    name: "cross-namespace: the policy of the shared Service deleted",
    settings,
    breaks: remove("AuthorizationPolicy/second/appe-shared-l7"),
    detectedBy: waypoint,
    drift: "AuthorizationPolicy/appe-shared-l7 does not exist",
  },
  {
    name: "cross-namespace: appe's pods allow every caller",
    settings,
    breaks: remove("AuthorizationPolicy/second/appe-waypoint-only", "AuthorizationPolicy/second/appe-shared-only"),
    detectedBy: ztunnel,
    drift: "AuthorizationPolicy/appe-waypoint-only does not exist",
  },
  {
    name: "cross-namespace: the second namespace is not in the mesh",
    drift: "Namespace/second: label istio.io/dataplane-mode is absent",
    settings,
    breaks: edit("Namespace//second", label("istio.io/dataplane-mode"), undefined),
    detectedBy: ztunnel,
  },
  {
    name: "cross-namespace: the second namespace's waypoint down",
    settings,
    breaks: (state) => state.scale("second/second-waypoint"),
    detectedBy: waypoint,
  },
];
