import type { Method } from "../config/vocabulary";
import type { Client, LabObject, ServiceName } from "../experiments/slices";
import type { Expectation, Probe } from "../experiments/types";

/** The app answers, and the waypoint logs the request. */
export const answered: Expectation = { outcome: "answered", through: ["waypoint"] };

/** The waypoint refuses because of a policy. */
export const refused = (policy: LabObject): Expectation => ({
  outcome: "refused",
  by: "waypoint",
  status: 403,
  policy,
});

/** A request to a Service, for the path that httpbin answers for every method. */
export const ask = (from: Client, method: Method, service: ServiceName, name: string, expect: Expectation): Probe => ({
  kind: "probe",
  name,
  from,
  to: "service",
  service,
  method,
  path: "/anything",
  expect,
});
