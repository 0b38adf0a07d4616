import { type BrokenWorld, edit, remove } from "./breaks";

const settings = { modules: ["cost"] } as const;
const label = (name: string) => ["metadata", "labels", name];

/** Changes with which a lab with the module cost must not pass. */
export const brokenCost: BrokenWorld[] = [
  {
    name: "cost: a server runs on the node of the clients",
    settings,
    breaks: (state) => void state.elsewhere.set("cost-sidecar", "ambient-lab-dev-worker2"),
    detectedBy: { cost: { layer: "nodes", verdict: "inconclusive" } },
  },
  {
    name: "cost: the Service of the waypoint's path does not use the waypoint",
    settings,
    breaks: (state) => {
      edit("Service/default/cost-waypoint", label("istio.io/use-waypoint"), undefined)(state);
      edit("Service/default/cost-waypoint", ["status", "conditions"], [])(state);
    },
    detectedBy: { cost: { layer: "waypoint" } },
    drift: "Service/cost-waypoint: label istio.io/use-waypoint is absent",
  },
  {
    name: "cost: the client outside the mesh is in the mesh",
    settings,
    breaks: edit(
      "Deployment/default/cost-none-client",
      ["spec", "template", ...label("istio.io/dataplane-mode")],
      undefined,
    ),
    detectedBy: { cost: { layer: "app" } },
  },
  {
    name: "cost: the policy of the sidecar deleted",
    settings,
    breaks: remove("AuthorizationPolicy/default/cost-sidecar-l7"),
    detectedBy: { "cost-policies": { layer: "sidecar" } },
    drift: "AuthorizationPolicy/cost-sidecar-l7 does not exist",
  },
  {
    name: "cost: the log of a sidecar cannot be read",
    settings,
    breaks: (state) => void state.unreadable.add("cost-sidecar-5d8f9c-x2x4z/istio-proxy"),
    detectedBy: { cost: { layer: "sidecar", verdict: "inconclusive" } },
  },
  {
    name: "interop: the STRICT sidecar accepts plain text",
    settings,
    breaks: edit("PeerAuthentication/default/interop-sidecar-mtls", ["spec", "mtls", "mode"], "PERMISSIVE"),
    detectedBy: { interop: { layer: "sidecar" } },
    drift: "PeerAuthentication/interop-sidecar-mtls: spec.mtls.mode is PERMISSIVE",
  },
  {
    name: "interop: the STRICT pods of the ambient mesh accept plain text",
    settings,
    breaks: remove("PeerAuthentication/default/interop-ambient-mtls"),
    detectedBy: { interop: { layer: "ztunnel" } },
    drift: "PeerAuthentication/interop-ambient-mtls does not exist",
  },
  {
    name: "interop: a sidecar that bypasses the waypoint is not refused",
    settings,
    breaks: remove("AuthorizationPolicy/default/cost-waypoint-only"),
    detectedBy: { interop: { layer: "ztunnel" }, "cost-policies": { layer: "ztunnel" } },
    drift: "AuthorizationPolicy/cost-waypoint-only does not exist",
  },
];
