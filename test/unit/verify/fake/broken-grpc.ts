import { type BrokenWorld, edit, remove } from "./breaks";

const settings = { modules: ["grpc"] } as const;
const detectedBy = { grpc: { layer: "waypoint" } };
const policy = "AuthorizationPolicy/default/grpc-l7";
const operation = ["spec", "rules", 0, "to", 0, "operation"];

/** Changes with which a lab with the module grpc must not pass. */
export const brokenGrpc: BrokenWorld[] = [
  {
    name: "grpc: every method of the service is allowed",
    drift: "AuthorizationPolicy/grpc-l7: spec.rules[0].to[0].operation.paths is absent",
    settings,
    breaks: edit(policy, [...operation, "paths"], undefined),
    detectedBy,
  },
  {
    name: "grpc: another method is allowed",
    drift: "AuthorizationPolicy/grpc-l7: spec.rules[0].to[0].operation.paths[0] is /grpc.health.v1.Health/List",
    settings,
    breaks: edit(policy, [...operation, "paths"], ["/grpc.health.v1.Health/List"]),
    detectedBy,
  },
  {
    name: "grpc: every caller is allowed",
    drift: "AuthorizationPolicy/grpc-l7: spec.rules[0].from is absent",
    settings,
    breaks: edit(policy, ["spec", "rules", 0, "from"], undefined),
    detectedBy,
  },
  {
    name: "grpc: the policy allows the method as GET",
    drift: "AuthorizationPolicy/grpc-l7: spec.rules[0].to[0].operation.methods[0] is GET",
    settings,
    breaks: edit(policy, [...operation, "methods"], ["GET"]),
    detectedBy,
  },
  {
    name: "grpc: the policy deleted",
    settings,
    breaks: remove(policy),
    detectedBy,
    drift: "AuthorizationPolicy/grpc-l7 does not exist",
  },
  {
    name: "grpc: the Service does not use the waypoint",
    drift: "Service/grpc: label app is absent",
    settings,
    breaks: edit("Service/default/grpc", ["metadata", "labels"], {}),
    detectedBy,
  },
  {
    name: "grpc: the server down",
    settings,
    breaks: (state) => state.scale("default/grpc"),
    detectedBy: { grpc: { layer: "app" } },
  },
  {
    name: "grpc: the logs cannot be read",
    settings,
    breaks: (state) => {
      state.logsBroken = true;
    },
    detectedBy: { grpc: { layer: "api-server", verdict: "inconclusive" } },
  },
];
