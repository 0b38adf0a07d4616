import { principalOf } from "../../config/vocabulary";
import type { Experiment } from "../../experiments/types";
import { health } from "./objects";

/** A policy about methods of gRPC, and how a caller learns of its refusal. */
export const grpc: Experiment = {
  id: "grpc",
  module: "grpc",
  tour: { id: "grpc", title: "A policy about methods of gRPC, and a refusal with HTTP 200" },
  title: "A gRPC method is allowed by its path, and a refusal is a status of gRPC",
  question: "Which methods may be called by whom, and what does a caller by gRPC see of a refusal?",
  why: "A method of gRPC is a path of HTTP/2, and every call is a POST: a policy of layer 7 names methods by paths. Envoy knows a call by its content type and refuses it as gRPC does: HTTP 200 with grpc-status 7 (PERMISSION_DENIED), where a plain request would get 403. Whoever counts HTTP statuses sees no refusal; the waypoint's log names the filter that made it.",
  rows: [],
  objects: [
    ...(["Namespace/default", "DaemonSet/ztunnel", "Deployment/appa", "Deployment/stranger"] as const),
    ...(["Deployment/grpc", "Service/grpc", "Gateway/waypoint", "Deployment/waypoint"] as const),
    ...(["AuthorizationPolicy/grpc-l7", "AuthorizationPolicy/grpc-waypoint-only"] as const),
  ],
  alone: true,
  steps: () => [
    { kind: "check", name: "rollout of grpc", check: "rollouts", objects: ["Deployment/grpc"] },
    {
      ...{ kind: "check", check: "pod-policies", name: "policy grpc-waypoint-only at grpc's ztunnel", app: "grpc" },
      ...{ policies: ["default/grpc-waypoint-only"], gate: true },
    },
    {
      ...{ kind: "check", check: "front", name: "rules of grpc at the waypoint", service: "grpc", gate: true },
      wanted: [`ALLOW POST ${health.allowed} ${principalOf("appa")}`],
    },
    {
      ...{ kind: "check", check: "calls", name: "the server got what is allowed, and nothing else", service: "grpc" },
      served: health.served,
      calls: [
        { name: "appa may call Check, which says SERVING", from: "appa", method: health.allowed, code: 0 },
        { name: "appa may not call List", from: "appa", method: health.other, code: 7 },
        { name: "stranger may not call Check", from: "stranger", method: health.allowed, code: 7 },
      ],
    },
  ],
};
