import { type BrokenWorld, behaves, edit, remove } from "./breaks";

const settings = { modules: ["resilience"] } as const;
const detectedBy = { resilience: { layer: "waypoint" } };
const service = "VirtualService/default/appb-resilience";
const bucket = ["spec", "configPatches", 0, "patch", "value", "typed_config", "token_bucket"];
const filter = "EnvoyFilter/default/appb-limited";

/** Changes with which a lab with the module resilience must not pass. */
export const brokenResilience: BrokenWorld[] = [
  {
    name: "resilience: aborted with another status",
    drift: "VirtualService/appb-resilience: spec.http[0].fault.abort.httpStatus is 503",
    settings,
    breaks: edit(service, ["spec", "http", 0, "fault", "abort", "httpStatus"], 503),
    detectedBy,
  },
  {
    name: "resilience: no request is aborted, despite the configuration",
    settings,
    breaks: behaves(service, ["spec", "http", 0, "fault"], {}),
    detectedBy,
  },
  {
    name: "resilience: no timeout, despite the configuration",
    settings,
    breaks: behaves(service, ["spec", "http", 1, "timeout"], "0s"),
    detectedBy,
  },
  {
    name: "resilience: a timeout of half a second, despite the configuration",
    settings,
    breaks: behaves(service, ["spec", "http", 1, "timeout"], "0.5s"),
    detectedBy,
  },
  ...[0, 2, 4].map(
    (attempts): BrokenWorld => ({
      name: `resilience: ${attempts} retries instead of 3, despite the configuration`,
      settings,
      breaks: behaves(service, ["spec", "http", 2, "retries", "attempts"], attempts),
      detectedBy,
    }),
  ),
  {
    name: "resilience: the routes deleted",
    settings,
    breaks: remove(service),
    detectedBy,
    drift: "VirtualService/appb-resilience does not exist",
  },
  {
    name: "resilience: rate limit deleted",
    settings,
    breaks: remove(filter),
    detectedBy,
    drift: "EnvoyFilter/appb-limited",
  },
  {
    name: "resilience: half of the burst",
    drift: "EnvoyFilter/appb-limited: spec.configPatches[0].patch.value.typed_config.token_bucket.max_tokens is 5",
    settings,
    breaks: edit(filter, [...bucket, "max_tokens"], 5),
    detectedBy,
  },
  {
    name: "resilience: five times the burst",
    drift: "EnvoyFilter/appb-limited: spec.configPatches[0].patch.value.typed_config.token_bucket.max_tokens is 50",
    settings,
    breaks: edit(filter, [...bucket, "max_tokens"], 50),
    detectedBy,
  },
  {
    name: "resilience: the Services allow every method",
    settings,
    breaks: remove("AuthorizationPolicy/default/appb-resilience-l7"),
    detectedBy,
    drift: "AuthorizationPolicy/appb-resilience-l7 does not exist",
  },
];
