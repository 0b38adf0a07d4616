import { hasLabels } from "../../../verify/declared/authorization";
import { at, entriesAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { AccessDecision, Mesh } from "../../types";
import { labelsOf, nameOf, titleOf, unreadReason } from "../objects/mesh-objects";
import { networkPolicyOn, subsetLabels } from "../objects/obstacles";
import { addressesOf, hasAddress, hasOwnProxy, isInMesh, isReady, podsOf, portOf, targetPortOf } from "../objects/pods";
import type { Backend } from "../routes/http-route";
import type { Identity } from "../rules/seen";
import { verdictAtPod } from "../rules/verdict";
import { agreed, endedBy, unknown, unreachable } from "./decision";

/** Whether a Service has no address of its own: its name gives the addresses of its pods. */
export const isHeadless = (service: KubeObject): boolean => textAt(service, "spec", "clusterIP") === "None";

/** The pods behind a Service's port, by way of their ztunnels. */
export function behind(
  mesh: Mesh,
  service: KubeObject,
  { port, subset }: Omit<Backend, "service"> & { port: number },
  identity: Identity | undefined,
): AccessDecision {
  if (entriesAt(service, "spec", "selector").length === 0)
    return unknown(`${titleOf(service)} has no selector: its endpoints are not known`);
  const entry = portOf(service, port);
  if (!entry) return unreachable(`${titleOf(service)} has no TCP port ${port}`);
  const labels = subset === undefined ? {} : subsetLabels(mesh, nameOf(service), subset);
  if (labels === undefined) return unreachable(`no DestinationRule has the subset ${subset} of ${titleOf(service)}`);
  const ready = (pod: KubeObject) =>
    at(service, "spec", "publishNotReadyAddresses") === true ? hasAddress(pod) : isReady(pod);
  const pods = podsOf(mesh, service).filter((pod) => ready(pod) && hasLabels(labelsOf(pod), labels));
  if (pods.length === 0) return unreachable(`${titleOf(service)} has no ready endpoint`);
  return agreed(
    pods.map((pod) => {
      const target = targetPortOf(entry, pod);
      return target === undefined
        ? unreachable(`${titleOf(pod)} has no port of the name that ${titleOf(service)} leads to`)
        : atPod(mesh, pod, target, identity);
    }),
  );
}

/** The pod itself: its ztunnel applies the policies for it. */
export function atPod(mesh: Mesh, pod: KubeObject, port: number, identity: Identity | undefined): AccessDecision {
  if (hasOwnProxy(pod)) return unknown(`${titleOf(pod)} has a proxy of its own, whose rules are not computed`);
  const unread = isInMesh(pod) && unreadReason(mesh, ["AuthorizationPolicy", "PeerAuthentication"]);
  if (unread) return unknown(unread);
  const verdict = verdictAtPod(mesh, pod, { identity, port, addresses: addressesOf(pod) });
  const end = endedBy(verdict, "ztunnel");
  if (end) return end;
  const limit = networkPolicyOn(mesh, { namespace: nameOf(pod).namespace, labels: labelsOf(pod) }, "Ingress");
  return limit
    ? unknown(`${titleOf(limit)} restricts what ${titleOf(pod)} gets`)
    : { outcome: "allowed", because: verdict.because };
}
