import { check, podGate, rollouts } from "../../experiments/checks";
import { meshPath } from "../../experiments/objects";
import { answered, ask, reset } from "../../experiments/requests";
import type { Client, ServiceName } from "../../experiments/slices";
import type { Expectation, Experiment, Probe } from "../../experiments/types";

/** Plain text to pods of the mesh, and what a capture between nodes shows of a request. */
export const strictMtls: Experiment = {
  id: "strict-mtls",
  module: "strict-mtls",
  tour: { id: "plain-text", title: "Which callers may send plain text, and what a capture shows" },
  title: "A STRICT workload refuses plain text, and traffic between two nodes is encrypted",
  question:
    "Does ztunnel refuse plain text under PeerAuthentication STRICT, and does a capture between two nodes show HBONE alone?",
  why: "By default the mesh is PERMISSIVE: a pod accepts mutual TLS and plain text. STRICT refuses plain text, at layer 4. It says nothing about the traffic that a caller sends: only a capture shows that the mesh encrypts it, with every packet sent to port 15008. A capture without the marker proves nothing unless it would have shown the marker: so the same request is sent to a second workload in plain text, over the same network.",
  rows: [],
  objects: [
    ...meshPath.filter((object) => !/\/(appb|waypoint)$/.test(object)),
    "Deployment/outsider",
    "Deployment/appf",
    "Deployment/appg",
    "DaemonSet/sniffer",
    "PeerAuthentication/appf-strict",
  ],
  steps: () => [
    rollouts("rollouts of appf, appg and the sniffers", "Deployment/appf", "Deployment/appg", "DaemonSet/sniffer"),
    podGate("appf"),
    podGate("appg"),
    get("appa", "appf", "appa, in the mesh, reaches appf", answered()),
    get("outsider", "appg", "outsider, not in the mesh, reaches the permissive twin", answered()),
    get("outsider", "appf", "outsider is reset by appf's ztunnel", shut),
    { ...get("outsider", "appf", "outsider is reset at appf's pod address", shut), to: "pod" },
    check("between two nodes there is HBONE, and nothing to read", { check: "capture", count: 5 }),
  ],
};

const shut = reset("PeerAuthentication/appf-strict");

const get = (from: Client, service: ServiceName, name: string, expect: Expectation): Probe =>
  ask(from, "GET", service, name, expect, "/get");
