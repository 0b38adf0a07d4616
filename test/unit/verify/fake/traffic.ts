import { health } from "../../../../modules/grpc/objects";
import { at, listAt, numberAt, textAt, textsAt } from "../../../../verify/json";
import { seededRandom } from "../../../support/random";
import { atAgentgateway, isAgentgateway } from "./agentgateway";
import { gatewayCluster } from "./dumps";
import { handshakeWith, listenerFor, reachedPort, refusalAtGateway } from "./gateway-modules";
import { grpcLine } from "./grpc";
import { appAnswers, FakeBucket, routeFor } from "./interference";
import {
  type AccessFields,
  accessLine,
  appLine,
  type ConnectionFields,
  connectionLine,
  jsonAccessLine,
  jsonConnectionLine,
  socket,
} from "./lines";
import { isStrict, policiesAt, sidecarRefusal, waypointRefusal, ztunnelRefusal } from "./policies";
import type { FakeAnswer, FakeRequest, FakeTarget } from "./request";
import { backendOf } from "./routes";
import { type FakePod, type FakeState, hasSidecar, sidecarOf } from "./state";

const closed = "upstream_reset_before_response_started{connection_termination}";
const answer = (status: number, body = "{}", seconds = 0.006): FakeAnswer => ({ status, body, exit: 0, seconds });
const broken = (exit: number, error: string): FakeAnswer => ({ status: 0, body: "", exit, seconds: 0.002, error });
const reset = broken(56, "Recv failure: Connection reset by peer");

/** Destination port of a request, at a Service and at a pod behind it. */
const calledPort = ({ authority }: FakeRequest): string => /:(\d+)$/.exec(authority)?.[1] ?? "8000";
const podPort = ({ grpc }: FakeRequest): number => (grpc ? health.port : 8_080);

/** Fields of an access log line, in addition to those of the request. */
type ProxyLine = Pick<AccessFields, "status" | "flags" | "details" | "upstream" | "cluster">;

/** Sends requests through the fake lab, which behaves as observed in a real mesh. */
export class Traffic {
  readonly #state: FakeState;
  readonly #bucket = new FakeBucket();
  readonly #draw = seededRandom(7);
  #port = 40_000;

  constructor(state: FakeState) {
    this.#state = state;
  }

  /** Sends a request from a pod to a Service or to a pod behind it. */
  fromPod(source: FakePod, { to: target, service }: FakeTarget, request: FakeRequest): FakeAnswer {
    const state = this.#state;
    this.#port += 1;
    const local = socket(source.ip, this.#port);
    const meshed = state.isEnrolled(source.role);
    if (meshed && !state.ztunnelOn(source.node)) return broken(7, "Failed to connect: Connection refused");
    const from = { workload: source.name, address: local, ...(meshed ? { principal: source.principal } : {}) };
    const waypointRole = target === "service" ? state.waypointFor("pod", service) : undefined;
    if (meshed && waypointRole) {
      const waypoint = state.podOf(waypointRole);
      const to = {
        workload: waypoint?.name ?? "",
        address: socket(waypoint?.ip, 15_008),
        ...(waypoint ? { principal: waypoint.principal } : {}),
      };
      const error = waypoint ? undefined : "no healthy upstream";
      const tunnel = { inner: socket("10.96.65.30", calledPort(request)), service };
      const line = { direction: "outbound", from, to, ...tunnel, ...(error ? { error } : {}) } as const;
      this.#logConnection(state.ztunnelOn(source.node), line, 100);
      return { ...(waypoint ? this.#atWaypoint(waypoint, source.principal, service, request) : reset), local };
    }
    if (hasSidecar(source)) return { ...this.#fromSidecar(source, service, request), local };
    const result = this.#direct(from, service, request);
    const app = state.podOf(state.appBehind(service));
    if (meshed && app && result.status > 0) this.#logOutbound(source, from, app, { service, port: podPort(request) });
    return { ...result, local };
  }

  /** Logs a direct connection to a pod at the client's ztunnel. */
  #logOutbound(
    source: FakePod,
    from: ConnectionFields["from"],
    app: FakePod,
    { service, port }: { service: string; port: number },
  ): void {
    const inMesh = this.#state.isEnrolled(app.role);
    const address = socket(app.ip, inMesh ? 15_008 : port);
    const to = { workload: app.name, address, ...(inMesh ? { principal: app.principal } : {}) };
    const inner = inMesh ? { inner: socket(app.ip, port) } : {};
    const line = { direction: "outbound", from, to, service, ...inner } as const;
    this.#logConnection(this.#state.ztunnelOn(source.node), line, 100);
  }

  /** Sends a request through the client's sidecar, and through the server's sidecar if it has one. */
  #fromSidecar(source: FakePod, service: string, request: FakeRequest): FakeAnswer {
    const state = this.#state;
    const app = state.podOf(state.appBehind(service));
    const cluster = `outbound|8000||${service}.${app?.namespace ?? "default"}.svc.cluster.local`;
    const write = (line: Omit<ProxyLine, "cluster">) =>
      this.#write(sidecarOf(source), request, { ...line, cluster }, 0.006);
    if (!app) {
      write({ status: 503, flags: "UH", details: "no_healthy_upstream", upstream: "-" });
      return answer(503, "no healthy upstream");
    }
    const from = { workload: source.name, address: socket(source.ip, 41_000), principal: source.principal };
    const result = hasSidecar(app)
      ? this.#toSidecar(app, source.principal, request)
      : this.#direct(from, service, request);
    const details = "via_upstream";
    const upstream = socket(app.ip, 8_080);
    if (result.status > 0) write({ status: result.status, flags: "-", details, upstream });
    else write({ status: 503, flags: "UF", details: closed, upstream });
    return result.status > 0 ? result : answer(503, "upstream connect error");
  }

  /** Handles a request at a pod's sidecar. `principal` is empty without an identity. */
  #toSidecar(app: FakePod, principal: string, request: FakeRequest): FakeAnswer {
    const cluster = "inbound|8080||";
    const write = (line: Omit<ProxyLine, "cluster">) =>
      this.#write(sidecarOf(app), request, { ...line, cluster }, 0.004);
    const refusal = sidecarRefusal(this.#state, app, principal, request);
    if (refusal) {
      write({ status: 403, flags: "-", details: `rbac_access_denied_matched_policy[${refusal}]`, upstream: "-" });
      return answer(403, request.method === "HEAD" ? "" : "RBAC: access denied");
    }
    this.#state.log(app, (stamp) => appLine(stamp, request), 20);
    write({ status: 200, flags: "-", details: "via_upstream", upstream: socket(app.ip, 8_080) });
    return answer(200, request.method === "HEAD" ? "" : "{}");
  }

  /** Sends a request through the gateway. @throws the error of a socket when no pod listens */
  throughGateway(request: FakeRequest): FakeAnswer {
    const state = this.#state;
    const url = request.tls ? (state.facts.tls?.url ?? "") : state.facts.url;
    const port = reachedPort(state, Number(new URL(url).port));
    const gateway = state.podOf("gateway");
    if (!gateway) throw new Error(`no pod listens on port ${port}`);
    const rule = this.#routed(request, port);
    const service = textAt(rule, "backendRefs", 0, "name") ?? "";
    const cluster = service ? gatewayCluster(service) : "-";
    const write = (status: number, flags: string, details: string, upstream: string, seconds: number) =>
      this.#write(gateway, request, { status, flags, details, upstream, cluster }, seconds);
    const refused = refusalAtGateway(state, request);
    if (refused) {
      write(refused.status, "-", refused.details, "-", 0);
      return answer(refused.status, refused.body);
    }
    if (!rule) {
      write(404, "NR", "route_not_found", "-", 0);
      return answer(404, "");
    }
    const redirect = Object(at(rule, "filters", 0, "requestRedirect"));
    if (redirect.scheme) {
      write(301, "-", "direct_response", "-", 0);
      const place = `${redirect.scheme}://${request.authority.replace(/:.*/, "")}${redirect.port ? `:${redirect.port}` : ""}`;
      return { ...answer(301, ""), location: `${place}${request.path}` };
    }
    if (!this.#hasPort(service, numberAt(rule, "backendRefs", 0, "port"))) {
      write(500, "-", "direct_response", "-", 0);
      return answer(500, "");
    }
    const waypointRole = state.waypointFor("gateway", service);
    if (waypointRole) {
      const waypoint = state.podOf(waypointRole);
      if (!waypoint) {
        write(503, "UH", "no_healthy_upstream", "-", 0);
        return answer(503, "no healthy upstream");
      }
      const result = this.#atWaypoint(waypoint, gateway.principal, service, request);
      write(
        result.status,
        "-",
        "via_upstream",
        `envoy://connect_originate/${socket(waypoint.ip, 15_008)}`,
        result.seconds,
      );
      return result;
    }
    const from = { workload: gateway.name, address: socket(gateway.ip, 5_000), principal: gateway.principal };
    const result = this.#direct(from, service, request);
    const upstream = `envoy://connect_originate/${socket(state.podOf(state.appBehind(service))?.ip, 8_080)}`;
    if (result.status > 0) write(result.status, "-", "via_upstream", upstream, result.seconds);
    else write(503, "UF", closed, upstream, 0);
    return result.status > 0 ? result : answer(503, "upstream connect error");
  }

  /** Whether a Service has a port. */
  #hasPort(service: string, port: number | undefined): boolean {
    const ports = listAt(this.#state.pushed(`Service/default/${service}`), "spec", "ports");
    return ports.some((each) => numberAt(each, "port") === port);
  }

  /** The rule of the route for a request. @throws the error of a socket when the handshake fails */
  #routed({ authority, tls = false }: FakeRequest, port: number): unknown {
    const state = this.#state;
    const host = authority.replace(/:.*/, "");
    if (tls) {
      const { distrust } = handshakeWith(state, host, "lab");
      if (distrust) throw new Error(distrust);
    }
    const listener = listenerFor(state, host, port);
    const route = state.pushedAll("HTTPRoute").find(({ spec }) => {
      const takes = listAt(spec, "parentRefs").some((parent) => {
        const [name, section] = [textAt(parent, "name"), textAt(parent, "sectionName")];
        return name === "gateway" && (section === undefined || section === textAt(listener, "name"));
      });
      return takes && textsAt(spec, "hostnames").includes(host);
    });
    return listener && at(route, "spec", "rules", 0);
  }

  /** Writes an access log line of a proxy, which Envoy flushes about a second later. */
  #write(proxy: Pick<FakePod, "name"> | undefined, request: FakeRequest, line: ProxyLine, seconds: number): void {
    this.#state.log(
      proxy,
      (stamp) => {
        const fields = { ...request, ...line, stamp, durationMs: seconds * 1000 };
        return this.#state.json ? jsonAccessLine(fields) : accessLine(fields);
      },
      1_000,
    );
  }

  /** Logs the end of a connection at ztunnel and, with the log level debug, its start. */
  #logConnection(ztunnel: FakePod | undefined, line: Omit<ConnectionFields, "stamp">, delayMs: number): void {
    const { json, verbose } = this.#state;
    const write = json ? jsonConnectionLine : connectionLine;
    const { error, ...opened } = line;
    const refusedBefore = error !== undefined && line.direction === "inbound";
    if (verbose && !refusedBefore) this.#state.log(ztunnel, (stamp) => write({ stamp, ...opened, opened: true }), 0);
    // With the log level debug, the line about the end is delayed, as on a slow machine.
    this.#state.log(ztunnel, (stamp) => write({ stamp, ...line }), verbose ? delayMs + 1_500 : delayMs);
  }

  #atWaypoint(proxy: FakePod, caller: string, service: string, request: FakeRequest): FakeAnswer {
    const state = this.#state;
    const waypoint = {
      workload: proxy.role,
      address: socket(proxy.ip, 6_000),
      principal: proxy.principal,
      pooled: true,
    };
    if (isAgentgateway(state, proxy)) {
      const direct = () => this.#direct({ ...waypoint, pooled: false }, service, request);
      return atAgentgateway(state, proxy, { caller, service, request }, direct);
    }
    const backend = backendOf(state, service, request, this.#draw);
    const app = state.podOf(state.appBehind(backend.service));
    const { cluster } = backend;
    const write = (status: number, flags: string, details: string, seconds: number, upstream = "-") =>
      this.#write(proxy, request, { status, flags, details, upstream, cluster }, seconds);
    const refusal = waypointRefusal(state, service, caller, request);
    if (refusal) {
      state.counters.denied += 1;
      write(request.grpc ? 200 : 403, "-", `rbac_access_denied_matched_policy[${refusal}]`, 0.002);
      return answer(403, request.method === "HEAD" ? "" : "RBAC: access denied", 0.003);
    }
    if (policiesAt(state, service).length > 0) state.counters.allowed += 1;
    const route = routeFor(state, service, request.path);
    if (!route) {
      write(404, "NR", "route_not_found", 0);
      return answer(404, "");
    }
    if (route.abort) {
      write(route.abort, "FI", "fault_filter_abort", 0);
      return answer(route.abort, "fault filter abort");
    }
    if (!this.#bucket.take(state, service)) {
      write(429, "RL", "local_rate_limited", 0);
      return answer(429, "local_rate_limited");
    }
    const delayed = this.#draw() * 100 < route.percent;
    const seconds = delayed ? route.delayMs / 1000 + 0.004 : 0.006;
    if (!app) {
      write(503, delayed ? "DI,UH" : "UH", "no_healthy_upstream", seconds);
      return answer(503, "no healthy upstream", seconds);
    }
    const result = this.#direct(waypoint, backend.service, request);
    if (backend.mirror) this.#direct(waypoint, backend.mirror, request);
    if (result.status === 0) {
      write(503, "UF", closed, seconds, socket(app.ip, 8_080));
      return answer(503, "upstream connect error", seconds);
    }
    const { status, ms } = appAnswers(request);
    const upstream = `envoy://connect_originate/${socket(app.ip, 8_080)}`;
    if (route.timeoutMs && ms > route.timeoutMs) {
      write(504, "UT", "response_timeout", route.timeoutMs / 1000, upstream);
      return answer(504, "upstream request timeout", route.timeoutMs / 1000 + 0.004);
    }
    if (status >= 500) {
      for (let more = 0; more < route.retries; more += 1) this.#direct(waypoint, backend.service, request);
      write(status, route.retries > 0 ? "URX" : "-", "via_upstream", ms / 1000, upstream);
      return answer(status, "", ms / 1000);
    }
    if (ms > 1000) {
      write(status, "-", "via_upstream", ms / 1000, upstream);
      return answer(status, "{}", ms / 1000);
    }
    write(200, delayed ? "DI" : "-", "via_upstream", seconds, upstream);
    const heldUp = state.slowRequestEvery > 0 && this.#port % state.slowRequestEvery === 0;
    return answer(200, "{}", heldUp ? seconds + 2.5 : seconds);
  }

  /** Sends a request to the application's pod, whose ztunnel decides by identity. */
  #direct(
    from: { workload: string; address: string; principal?: string; pooled?: boolean },
    service: string,
    request: FakeRequest,
  ): FakeAnswer {
    const state = this.#state;
    const role = state.appBehind(service);
    const app = state.podOf(role);
    if (!app) return broken(7, "Failed to connect: Connection refused");
    // A sidecar with STRICT mutual TLS has no filter chain for plain text, and logs no request.
    if (hasSidecar(app) && from.principal === undefined && isStrict(state, app)) return reset;
    if (hasSidecar(app)) return this.#toSidecar(app, from.principal ?? "", request);
    if (!state.isEnrolled(role)) {
      state.log(app, (stamp) => appLine(stamp, request), 20);
      return answer(200, request.method === "HEAD" ? "" : "{}");
    }
    const ztunnel = state.ztunnelOn(app.node);
    if (!ztunnel) return broken(56, "Recv failure: Connection reset by peer");
    const bare = from.principal === undefined || state.sendsPlainText;
    const text = `${request.method} ${request.path}`;
    const payload = bare ? Buffer.from(text) : Buffer.from([0x17, 3, 3, 0, text.length]);
    const port = bare ? 8080 : 15008;
    const [, ip = "", local] = /^\[?(.*?)\]?:(\d+)$/.exec(from.address) ?? [];
    state.packets?.push({ from: ip, fromPort: Number(local), to: app.ip, toPort: port, payload });
    const refusal = ztunnelRefusal(state, app, from.principal ?? "");
    const { pooled = false } = from;
    const plain = from.principal === undefined;
    const to = {
      workload: app.name,
      address: socket(app.ip, plain ? podPort(request) : 15_008),
      ...(plain ? {} : { principal: app.principal }),
    };
    // With HBONE, the source port at the server is one of ztunnel's connection.
    const seen = plain ? from : { ...from, address: from.address.replace(/:\d+$/, ":33333") };
    const inner = plain ? {} : { inner: socket(app.ip, podPort(request)) };
    const error = refusal ? { error: refusal } : {};
    const line = { direction: "inbound", from: seen, to, service, ...inner, ...error } as const;
    this.#logConnection(ztunnel, line, pooled ? 6_000 : 100);
    if (!plain && !pooled && refusal) {
      const source = state.podNamed(from.workload);
      const line = {
        direction: "outbound",
        from,
        to,
        service,
        ...inner,
        error: "http status: 401 Unauthorized",
      } as const;
      this.#logConnection(source && state.ztunnelOn(source.node), line, 100);
    }
    if (refusal) return reset;
    state.log(app, (stamp) => (request.grpc ? grpcLine(request) : appLine(stamp, request)), 20);
    return answer(200, "{}");
  }
}
