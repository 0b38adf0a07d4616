import { strictPolicy } from "../../experiments/names";
import { meshPath } from "../../experiments/objects";
import type { Client, ServiceName } from "../../experiments/slices";
import type { Expectation, Experiment, Probe } from "../../experiments/types";

/** Who may speak plain text to a pod of the mesh, and what of a request can be read on the wire. */
export const strictMtls: Experiment = {
  id: "strict-mtls",
  module: "strict-mtls",
  tour: { id: "plain-text", title: "Who may speak plain text, and what can be read on the wire" },
  title: "A STRICT workload refuses plain text, and between two nodes nothing can be read",
  question:
    "Does ztunnel refuse plain text under PeerAuthentication STRICT, and does a capture between two nodes show HBONE alone?",
  why: "By default the mesh is PERMISSIVE: a pod takes mutual TLS from whoever can, and plain text from the rest. STRICT refuses the rest, at layer 4. It says nothing of what a caller sends: that the mesh encrypts is seen on the wire alone, where every packet goes to port 15008. A capture that finds no marker proves nothing unless it would have found one: so the same request goes to a twin in plain text, over the same wire.",
  rows: [],
  objects: [
    ...meshPath.filter((object) => !/\/(appb|waypoint)$/.test(object)),
    ...(["Deployment/outsider", "Deployment/appf", "Deployment/appg", "DaemonSet/sniffer"] as const),
    "PeerAuthentication/appf-strict",
  ],
  steps: () => [
    {
      kind: "check",
      name: "rollouts of appf, appg and the sniffers",
      check: "rollouts",
      objects: ["Deployment/appf", "Deployment/appg", "DaemonSet/sniffer"],
    },
    known("appf", [`${strictPolicy.namespace}/${strictPolicy.name}`]),
    known("appg", []),
    get("appa", "appf", "service", "appa, in the mesh, reaches appf", { outcome: "answered", through: [] }),
    get("outsider", "appg", "service", "outsider, not in the mesh, reaches the permissive twin", {
      outcome: "answered",
      through: [],
    }),
    get("outsider", "appf", "service", "outsider is reset by appf's ztunnel", reset),
    get("outsider", "appf", "pod", "outsider is reset at appf's pod address", reset),
    { kind: "check", name: "between two nodes there is HBONE, and nothing to read", check: "capture", count: 5 },
  ],
};

const reset = { outcome: "reset", by: "ztunnel", policy: "PeerAuthentication/appf-strict" } as const;

const known = (app: "appf" | "appg", policies: readonly string[]) =>
  ({
    kind: "check",
    name: policies.length > 0 ? `${app}'s ztunnel demands an identity` : `${app}'s ztunnel demands nothing`,
    check: "pod-policies",
    app,
    policies,
    gate: true,
  }) as const;

const get = (from: Client, service: ServiceName, to: "service" | "pod", name: string, expect: Expectation): Probe => {
  return { kind: "probe", name, from, to, service, method: "GET", path: "/get", expect };
};
