import type { LabSettings } from "../config/schema";

/** One stop of the tour. What it asks and why comes from its experiment, so that neither can say something else. */
export interface TourStep {
  id: string;
  title: string;
  /** Id of the experiment that proves it. */
  proof: string;
  /** What is changed before the proof. @default nothing: the lab as it stands is proven */
  change?: Partial<
    Pick<
      LabSettings,
      "allowedCallers" | "allowedMethods" | "faultPercent" | "faultPath" | "closeBypass" | "modules" | "splitWeight"
    >
  >;
  /** A command of the lab that lets a person watch it. */
  watch?: string;
}

/** The lab's story, stop by stop. */
export const tour: readonly TourStep[] = [
  { id: "identity", title: "Every leg of a request carries an identity", proof: "hbone" },
  {
    id: "way-in",
    title: "A gateway lets the world in, by name",
    proof: "gateway",
    watch: "traffic --path /get --for 5s",
  },
  { id: "waypoint", title: "All of appb's traffic meets the waypoint", proof: "waypoint-traversed" },
  { id: "fault", title: "Half of the requests to one path are late", proof: "fault-delay", watch: "traffic --for 15s" },
  {
    id: "fault-share",
    title: "Turn the knob: ten percent instead of half",
    proof: "fault-delay",
    change: { faultPercent: 10 },
    watch: "traffic --rate 10 --for 15s",
  },
  {
    id: "methods",
    title: "GET and nothing else",
    proof: "authz-methods",
    watch: "traffic --method POST --path /post --for 5s",
  },
  {
    id: "caller",
    title: "Take appa out of the policy",
    proof: "authz-principals",
    change: { allowedCallers: ["gateway"] },
  },
  { id: "bypass", title: "Nobody walks around the waypoint", proof: "bypass" },
  {
    id: "open-door",
    title: "Open the door beside the waypoint, and see who walks through",
    proof: "bypass",
    change: { closeBypass: false },
  },
  {
    id: "fail-open",
    title: "Take the waypoint away, too: who notices that nobody guards appb?",
    proof: "fail-open",
    change: { modules: ["fail-open"] },
  },
  {
    id: "layers",
    title: "One denial, told twice: to ztunnel and to the waypoint",
    proof: "l4-l7",
    change: { modules: ["l4-l7"] },
  },
  {
    id: "canary",
    title: "A second version of appb: by weight, by header, and as a mirror",
    proof: "traffic-split",
    change: { modules: ["traffic-split"], splitWeight: 30 },
  },
  {
    id: "resilience",
    title: "Break requests on purpose: abort, timeout, retries, rate limit",
    proof: "resilience",
    change: { modules: ["resilience"] },
  },
  {
    id: "egress",
    title: "The way out: one host may be asked, another may not, and a third one nobody guards",
    proof: "egress",
    change: { modules: ["egress"] },
  },
  {
    id: "namespaces",
    title: "Two namespaces, and which of their waypoints a request meets",
    proof: "cross-namespace",
    change: { modules: ["cross-namespace"] },
  },
  {
    id: "agentgateway",
    title: "A waypoint that is no Envoy, and a policy that it never hears of",
    proof: "agentgateway",
    change: { modules: ["agentgateway"] },
  },
  {
    id: "grpc",
    title: "A policy about methods of gRPC, and a refusal with HTTP 200",
    proof: "grpc",
    change: { modules: ["grpc"] },
  },
  {
    id: "plain-text",
    title: "Who may speak plain text, and what can be read on the wire",
    proof: "strict-mtls",
    change: { modules: ["strict-mtls"] },
  },
  {
    id: "chaos",
    title: "Kill istiod, ztunnel, the waypoint and a node: who notices, and for how long",
    proof: "chaos",
    change: { modules: ["chaos"] },
    watch: "traffic --path /get --for 60s",
  },
  {
    id: "tls",
    title: "The way in by HTTPS, with a CA of your own",
    proof: "gateway-tls",
    change: { modules: ["gateway-tls"] },
  },
  {
    id: "tokens",
    title: "Who you say you are: tokens, and what they claim",
    proof: "gateway-jwt",
    change: { modules: ["gateway-jwt"] },
  },
  { id: "graph", title: "See it all as a graph", proof: "kiali", watch: "open kiali" },
];
