import { textAt } from "../../../../verify/json";
import { appAnswers, routeTimeout } from "./interference";
import { socket } from "./lines";
import { waypointRefusal } from "./policies";
import type { FakeAnswer, FakeRequest } from "./request";
import type { FakePod, FakeState } from "./state";

const className = "istio-agentgateway-waypoint";

/** Whether a waypoint is an agentgateway. */
export const isAgentgateway = (state: FakeState, { role }: FakePod): boolean =>
  textAt(state.pushed(`Gateway/default/${role}`), "spec", "gatewayClassName") === className;

/** A request at an agentgateway, which applies HTTPRoutes, and policies only if a test enables them. `direct` sends it to the pod. */
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
        `${stamp}\tinfo\trequest gateway=default/agentgateway listener=mesh route=default/${service} ${more} src.addr=10.244.1.7:36800 http.method=${request.method} http.host=${service} http.path=${request.path} http.version=HTTP/1.1 http.status=${status} protocol=http duration=3ms`,
      20,
    );
  if (state.agentgatewayEnforces && waypointRefusal(state, service, caller, request)) {
    write(403, 'error="authorization failed" reason=Authorization');
    return { status: 403, body: "authorization failed", exit: 0, seconds: 0.002 };
  }
  const result = direct();
  if (result.status === 0) {
    write(503, 'error="upstream call failed" reason=UpstreamFailure');
    return { status: 503, body: "upstream call failed", exit: 0, seconds: 0.004 };
  }
  const endpoint = `endpoint=${socket(state.podOf("apph")?.ip, 8_080)}`;
  const { status, ms } = appAnswers(request);
  const timeoutMs = routeTimeout(state, service);
  if (timeoutMs && ms > timeoutMs) {
    write(504, `${endpoint} error="request timeout" reason=Timeout`);
    return { status: 504, body: "request timeout", exit: 0, seconds: timeoutMs / 1000 };
  }
  write(status, endpoint);
  return { status, body: "{}", exit: 0, seconds: ms / 1000 };
}
