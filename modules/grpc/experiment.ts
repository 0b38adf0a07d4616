import { check, podGate, rollouts, rulesGate } from "../../experiments/checks";
import type { Experiment } from "../../experiments/types";
import { objectsIn } from "../slice";
import { health, grpc as slice } from "./objects";

/** A policy about gRPC methods, and how a client sees the refusal. */
export const grpc: Experiment = {
  id: "grpc",
  module: "grpc",
  tour: { id: "grpc", title: "A policy about gRPC methods, and a refusal with HTTP 200" },
  title: "A gRPC method is allowed by its path, and a refusal is a gRPC status",
  question: "Which callers may call which methods, and what does a gRPC client see of a refusal?",
  why: "A gRPC method is an HTTP/2 path, and every call a POST: a policy of layer 7 names methods by paths. Envoy recognises gRPC by its content type and refuses a call in the way of gRPC: HTTP 200 with grpc-status 7 (PERMISSION_DENIED), where a plain request would get 403. Metrics by HTTP status show no refusal; the waypoint's log names the filter that refused.",
  rows: [],
  objects: [
    "Namespace/default",
    "DaemonSet/ztunnel",
    "Deployment/appa",
    "Deployment/stranger",
    "Gateway/waypoint",
    "Deployment/waypoint",
    ...objectsIn(slice),
  ],
  alone: true,
  steps: () => [
    rollouts("rollout of grpc", "Deployment/grpc"),
    podGate("grpc"),
    rulesGate("grpc"),
    check("the server gets the allowed call, and no other", {
      check: "grpc-calls",
      service: "grpc",
      served: health.served,
      calls: [
        { name: "appa may call Check, which says SERVING", from: "appa", method: health.allowed, code: 0 },
        { name: "appa may not call List", from: "appa", method: health.other, code: 7 },
        { name: "stranger may not call Check", from: "stranger", method: health.allowed, code: 7 },
      ],
    }),
  ],
};
