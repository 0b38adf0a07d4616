import type { CheckDetail } from "../../experiments/types";
import { bypassesWaypoint } from "./bypasses-waypoint";
import { capture } from "./capture";
import { chaos } from "./chaos";
import type { CheckKind } from "./check";
import { cost } from "./cost";
import { counted } from "./counted";
import { crossings } from "./crossings";
import { failOpen } from "./fail-open";
import { neverSlow, share } from "./fault";
import { flip } from "./flip";
import { grpcCalls } from "./grpc-calls";
import { hbone } from "./hbone";
import { jaeger } from "./jaeger";
import { limited } from "./limited";
import { clock, nodes, sysctls } from "./machine";
import { address, bundle, condition, noOthers, sameSpec } from "./objects";
import { outcome } from "./outcome";
import { proxyConfig } from "./proxy-config";
import { istioVersion, rollouts } from "./rollout";
import { sidecarRefuses } from "./sidecar-refuses";
import { mirrored, split } from "./split";
import { grafana, kiali, prometheus } from "./telemetry";
import { tlsCertificate, tlsRefused } from "./tls";
import { certificates, enrolment, podPolicies, waypointAttached } from "./ztunnel";

/** The kinds of checks. Checks that send samples or count requests run once; checks that read a state are repeated until they pass. */
export const checkKinds: { readonly [K in CheckDetail["check"]]: CheckKind<K> } = {
  nodes: { run: nodes, settles: true },
  clock: { run: clock, settles: false },
  sysctls: { run: sysctls, settles: false },
  rollouts: { run: rollouts, settles: true },
  "istio-version": { run: istioVersion, settles: true },
  condition: { run: condition, settles: true },
  "same-spec": { run: sameSpec, settles: true },
  address: { run: address, settles: true },
  bundle: { run: bundle, settles: true },
  enrolment: { run: enrolment, settles: true },
  "waypoint-attached": { run: waypointAttached, settles: true },
  hbone: { run: hbone, settles: false },
  certificates: { run: certificates, settles: true },
  "no-others": { run: noOthers, settles: true },
  counted: { run: counted, settles: false },
  share: { run: share, settles: false },
  "never-slow": { run: neverSlow, settles: false },
  "proxy-config": { run: proxyConfig, settles: true },
  "pod-policies": { run: podPolicies, settles: true },
  split: { run: split, settles: false },
  mirrored: { run: mirrored, settles: false },
  outcome: { run: outcome, settles: false },
  limited: { run: limited, settles: false },
  "grpc-calls": { run: grpcCalls, settles: false },
  "bypasses-waypoint": { run: bypassesWaypoint, settles: false },
  chaos: { run: chaos, settles: false },
  crossings: { run: crossings, settles: false },
  "sidecar-refuses": { run: sidecarRefuses, settles: false },
  cost: { run: cost, settles: false },
  capture: { run: capture, settles: false },
  "tls-certificate": { run: tlsCertificate, settles: true },
  "tls-refused": { run: tlsRefused, settles: false },
  flip: { run: flip, settles: false },
  "fail-open": { run: failOpen, settles: false },
  prometheus: { run: prometheus, settles: false },
  grafana: { run: grafana, settles: false },
  kiali: { run: kiali, settles: false },
  jaeger: { run: jaeger, settles: false },
};
