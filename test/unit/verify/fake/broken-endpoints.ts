import type { BrokenWorld } from "./breaks";
import { type FakeEndpoint, plain, throughHbone } from "./endpoints";
import type { FakeState } from "./state";

const atWaypoint = "waypoint inbound-vip|8000|http|appb.default.svc.cluster.local";
const atGateway = "gateway outbound|8000||appb.default.svc.cluster.local";
const gateway = { layer: "gateway" };
const waypoint = { layer: "waypoint" };

const changed = (where: string, change: (endpoints: FakeEndpoint[]) => FakeEndpoint[]) => (state: FakeState) =>
  void state.endpointsChanged.set(where, change);
const also = (endpoint: FakeEndpoint) => (endpoints: FakeEndpoint[]) => [...endpoints, endpoint];

/** Changes with which objects and routes are as declared, and a proxy has other endpoints, or not all of them. */
export const brokenEndpoints: BrokenWorld[] = [
  {
    name: "the waypoint also sends requests for appb to an address that is no pod of the lab",
    breaks: changed(atWaypoint, also(throughHbone("192.0.2.7:8080"))),
    detectedBy: { "proxy-config": waypoint },
    seen: "endpoint envoy://connect_originate/192.0.2.7:8080 of inbound-vip|8000|http|appb.default.svc.cluster.local is no pod of the lab",
  },
  {
    name: "the waypoint also sends requests for appb to another application's pod",
    breaks: changed(atWaypoint, also(throughHbone("10.244.1.5:8080"))),
    detectedBy: { "proxy-config": waypoint },
    seen: "appb.default.svc.cluster.local is Pod default/appa-5d8f9c-x2x4z, declared is envoy://connect_originate/10.244.2.5:8080",
  },
  {
    name: "the waypoint sends requests to appb's pod in plain text",
    breaks: changed(atWaypoint, () => [plain("10.244.2.5", 8080)]),
    detectedBy: { "proxy-config": waypoint },
    seen: "endpoint 10.244.2.5:8080 of inbound-vip|8000|http|appb.default.svc.cluster.local is Pod default/appb-5d8f9c-x2x4z, declared is envoy",
  },
  {
    name: "the waypoint lacks appb's ready pod",
    breaks: changed(atWaypoint, () => []),
    detectedBy: { "proxy-config": waypoint },
    seen: "inbound-vip|8000|http|appb.default.svc.cluster.local lacks the endpoint envoy://connect_originate/10.244.2.5:8080 of Pod default/appb-5d8f9c-x2x4z",
  },
  {
    name: "the waypoint has appb's ready pod as unhealthy",
    breaks: changed(atWaypoint, (all) => all.map((each) => ({ ...each, health_status: "UNHEALTHY" }))),
    detectedBy: { "proxy-config": waypoint },
    seen: "lacks the endpoint envoy://connect_originate/10.244.2.5:8080 of Pod default/appb-5d8f9c-x2x4z",
  },
  {
    name: "the gateway also sends requests for appb to appb's pod, which bypasses the waypoint",
    breaks: changed(atGateway, also(throughHbone("10.244.2.5:8080"))),
    detectedBy: { "proxy-config": gateway, "ingress-through-waypoint": gateway },
    seen: "endpoint envoy://connect_originate/10.244.2.5:8080 of outbound|8000||appb.default.svc.cluster.local is Pod default/appb-5d8f9c-x2x4z, declared is envoy://connect_originate/10.244.2.7:15008",
  },
  {
    name: "the gateway also sends requests for appb to an address that is no pod of the lab",
    breaks: changed(atGateway, also(plain("192.0.2.7", 8080))),
    detectedBy: { "proxy-config": gateway, "ingress-through-waypoint": gateway },
    seen: "endpoint 192.0.2.7:8080 of outbound|8000||appb.default.svc.cluster.local is no pod of the lab",
  },
  {
    name: "the gateway lacks the waypoint's ready pod",
    breaks: changed(atGateway, () => []),
    detectedBy: { "proxy-config": gateway, "ingress-through-waypoint": gateway },
    seen: "outbound|8000||appb.default.svc.cluster.local lacks the endpoint envoy://connect_originate/10.244.2.7:15008 of Pod default/waypoint-5d8f9c-x2x4z",
  },
  {
    name: "the gateway has an endpoint that is no pod of the lab, for a Service without a route",
    breaks: changed("gateway outbound|8000||appa.default.svc.cluster.local", also(plain("192.0.2.7", 8080))),
    detectedBy: { "proxy-config": gateway },
    seen: "endpoint 192.0.2.7:8080 of outbound|8000||appa.default.svc.cluster.local is no pod of the lab",
  },
];

/** Such changes for modules. */
export const brokenModuleEndpoints: BrokenWorld[] = [
  {
    name: "the egress waypoint sends requests for partner.example to another address",
    settings: { modules: ["egress"] },
    breaks: changed("egress-waypoint inbound-vip|8000|http|partner.example", () => [plain("192.0.2.7", 8000)]),
    detectedBy: { egress: waypoint },
    seen: "endpoint 192.0.2.7:8000 of inbound-vip|8000|http|partner.example is no pod of the lab",
  },
  {
    name: "the traffic of one version of the split goes to the pod of the other version",
    settings: { modules: ["traffic-split"] },
    breaks: changed("waypoint outbound|8000||appb-v2.default.svc.cluster.local", () => [
      throughHbone("10.244.2.5:8080"),
    ]),
    detectedBy: { "traffic-split": waypoint },
    seen: "of outbound|8000||appb-v2.default.svc.cluster.local is Pod default/appb-5d8f9c-x2x4z, declared is envoy://connect_originate/10.244.1.9:8080",
  },
];
