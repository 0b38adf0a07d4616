import { textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { appAnswers, routeTimeout } from "./interference";
import { deployment, from, object, service, yes } from "./objects";
import { waypointRefusal } from "./policies";
import type { FakeAnswer, FakeRequest } from "./request";
import type { FakePod, FakeState } from "./state";

const className = "istio-agentgateway-waypoint";
const gatewayApi = "gateway.networking.k8s.io/v1";
const security = "security.istio.io/v1";

/** What the module agentgateway adds. */
export const agentgatewayObjects = (): KubeObject[] => [
  deployment("default", "apph"),
  deployment("default", "agentgateway"),
  object(gatewayApi, "Gateway/default/agentgateway", { spec: { gatewayClassName: className } }),
  ...Object.entries({ apph: "agentgateway", "apph-envoy": "waypoint" }).flatMap(([name, waypoint]) => [
    ...[name, `${name}-routed`].map((each) => ({
      ...service("default", each, 8000, 8080, { "istio.io/use-waypoint": waypoint }, "apph"),
      status: {
        conditions: [yes("istio.io/WaypointBound", `Successfully attached to waypoint default/${waypoint}`)],
      },
    })),
    object(security, `AuthorizationPolicy/default/${name}-l7`, {
      spec: {
        targetRefs: [{ kind: "Service", name }],
        action: "ALLOW",
        rules: [{ from: from("appa"), to: [{ operation: { methods: ["GET"] } }] }],
      },
      status: { conditions: [yes("WaypointAccepted", `bound to default/${waypoint}`)] },
    }),
    object("networking.istio.io/v1", `VirtualService/default/${name}-fault`, {
      spec: {
        hosts: [name],
        http: [
          { match: [{ uri: { prefix: "/status" } }], fault: { abort: { httpStatus: 410 } }, route: [{}] },
          { route: [{}] },
        ],
      },
    }),
    object(gatewayApi, `HTTPRoute/default/${name}-routed`, {
      spec: {
        parentRefs: [{ name: `${name}-routed` }],
        rules: [{ timeouts: { request: "1s" }, backendRefs: [{ name: `${name}-routed` }] }],
      },
      status: { parents: [{ conditions: [yes("Accepted", "Route was valid")] }] },
    }),
  ]),
  ...Object.entries({ "apph-waypoint-only": "agentgateway", "apph-envoy-only": "waypoint" }).map(([name, waypoint]) =>
    object(security, `AuthorizationPolicy/default/${name}`, {
      spec: { selector: { matchLabels: { app: "apph" } }, action: "ALLOW", rules: [{ from: from(waypoint) }] },
    }),
  ),
];

/** Whether a waypoint is no Envoy. */
export const isAgentgateway = (state: FakeState, { role }: FakePod): boolean =>
  textAt(state.told(`Gateway/default/${role}`), "spec", "gatewayClassName") === className;

/** A request at an agentgateway; `direct` is its last leg. It knows HTTPRoutes, and policies only where a lab gives it them. */
export function atAgentgateway(
  state: FakeState,
  proxy: FakePod,
  { caller, service, request }: { caller: string; service: string; request: FakeRequest },
  direct: () => FakeAnswer,
): FakeAnswer {
  const write = (status: number, more: string) =>
    state.log(
      proxy,
      (stamp) =>
        `${stamp}\tinfo\trequest gateway=default/agentgateway listener=mesh route=default/${service} ${more} src.addr=10.244.1.7:36800 http.method=${request.method} http.host=${service} http.path=${request.path} http.version=HTTP/1.1 http.status=${status} protocol=http`,
      20,
    );
  if (state.agentgatewayEnforces && waypointRefusal(state, service, caller, request)) {
    write(403, 'error="authorization failed" reason=Authorization');
    return { status: 403, body: "authorization failed", exit: 0, seconds: 0.002 };
  }
  const met = direct();
  if (met.status === 0) {
    write(503, 'error="upstream call failed" reason=UpstreamFailure');
    return { status: 503, body: "upstream call failed", exit: 0, seconds: 0.004 };
  }
  const endpoint = `endpoint=${state.podOf("apph")?.ip}:8080`;
  const { status, ms } = appAnswers(request);
  const timeoutMs = routeTimeout(state, service);
  if (timeoutMs && ms > timeoutMs) {
    write(504, `${endpoint} error="request timeout" reason=Timeout`);
    return { status: 504, body: "request timeout", exit: 0, seconds: timeoutMs / 1000 };
  }
  write(status, endpoint);
  return { status, body: "{}", exit: 0, seconds: ms / 1000 };
}
