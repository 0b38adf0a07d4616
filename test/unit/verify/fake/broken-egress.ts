import { admitAll, type BrokenWorld, edit, remove } from "./breaks";

const settings = { modules: ["egress"] } as const;
const detectedBy = { egress: { layer: "waypoint" } };
const label = ["metadata", "labels", "istio.io/use-waypoint"];
const forbidden = "AuthorizationPolicy/egress/forbidden-deny";
const partner = "AuthorizationPolicy/egress/partner-l7";
const rule = ["spec", "rules", 0];

/** Changes with which a lab with the module egress must not pass. */
export const brokenEgress: BrokenWorld[] = [
  {
    name: "egress: the partner's host does not use the waypoint",
    drift: "ServiceEntry/partner: label istio.io/use-waypoint is absent",
    settings,
    breaks: edit("ServiceEntry/egress/partner", label, undefined),
    detectedBy,
  },
  {
    name: "egress: the ServiceEntry of the partner's host deleted",
    settings,
    breaks: remove("ServiceEntry/egress/partner"),
    detectedBy,
    drift: "ServiceEntry/partner does not exist",
  },
  {
    name: "egress: the DENY policy of the forbidden host deleted",
    settings,
    breaks: remove(forbidden),
    detectedBy,
    drift: "AuthorizationPolicy/forbidden-deny does not exist",
  },
  {
    name: "egress: the DENY policy matches one method only",
    drift: "AuthorizationPolicy/forbidden-deny: spec.rules[0].to[0].operation.paths is absent",
    settings,
    breaks: edit(forbidden, ["spec", "rules"], [{ to: [{ operation: { methods: ["POST"] } }] }]),
    detectedBy,
  },
  {
    name: "egress: all methods are allowed for the partner",
    drift: "AuthorizationPolicy/partner-l7: spec.rules[0].to is absent",
    settings,
    breaks: edit(partner, [...rule, "to"], undefined),
    detectedBy,
  },
  {
    name: "egress: the stranger may call the partner",
    drift: "AuthorizationPolicy/partner-l7: spec.rules[0].from[0].source.principals[1] is",
    settings,
    breaks: edit(
      partner,
      [...rule, "from", 0, "source", "principals"],
      ["cluster.local/ns/default/sa/appa", "cluster.local/ns/default/sa/stranger"],
    ),
    detectedBy,
  },
  {
    name: "egress: traffic that must bypass the waypoint goes through it",
    drift: "Service/external: label app is absent",
    settings,
    breaks: (state) => {
      admitAll("Gateway/egress/egress-waypoint")(state);
      const { metadata } = state.get("Service/outside/external");
      Object.assign(metadata ?? {}, {
        labels: { "istio.io/use-waypoint": "egress-waypoint", "istio.io/use-waypoint-namespace": "egress" },
      });
    },
    detectedBy: { egress: { layer: "app" } },
  },
  {
    name: "egress: the egress waypoint down",
    settings,
    breaks: (state) => state.scale("egress/egress-waypoint"),
    detectedBy,
  },
  {
    name: "egress: the server outside the mesh down",
    settings,
    breaks: (state) => state.scale("outside/external"),
    detectedBy: { egress: { layer: "app" } },
  },
  {
    name: "egress: the logs cannot be read",
    settings,
    breaks: (state) => {
      state.logsBroken = true;
    },
    detectedBy: { egress: { layer: "waypoint", verdict: "inconclusive" } },
  },
];
