import { actionOf, httpOperations, httpSources, isDryRun, layer4Keys } from "../../../verify/declared/authorization";
import { entriesAt, listAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { policiesOfPod, targetRefsOf } from "../objects/binding";
import { nameOf, objectsOf, textOf, titleOf } from "../objects/mesh-objects";
import { isInMesh, podsOf } from "../objects/pods";
import { waypointOf } from "../objects/waypoints";
import { httpParts } from "../rules/ztunnel-rules";
import { type ConfigurationFinding, shortList } from "./finding";
import { editCommand, labelCommand, patchCommand } from "./fixes";

/** The pods in the mesh whose ztunnel has a policy. */
const podsUnder = (mesh: Mesh, policy: KubeObject): KubeObject[] =>
  objectsOf(mesh, "Pod").filter(
    (pod) => isInMesh(pod) && policiesOfPod(mesh, "AuthorizationPolicy", pod).includes(policy),
  );

/** Policies at ztunnel with rules or an action that ztunnel does not support. */
export function policiesAtZtunnel(mesh: Mesh): ConfigurationFinding[] {
  return objectsOf(mesh, "AuthorizationPolicy")
    .filter((policy) => targetRefsOf(policy).length === 0 && !isDryRun(policy))
    .flatMap((policy) => {
      const pods = podsUnder(mesh, policy);
      if (pods.length === 0) return [];
      const action = actionOf(policy);
      if (action === "CUSTOM" || action === "AUDIT") return [actionFinding(mesh, policy, pods, action)];
      const rules = listAt(policy, "spec", "rules").map((rule, index) => ({ index, rule, parts: httpParts(rule) }));
      const about = rules.filter(({ parts }) => parts.length > 0);
      if (about.length === 0) return [];
      const fields = [...new Set(about.flatMap(({ parts }) => parts))].join(", ");
      return [
        {
          id: "http-at-ztunnel" as const,
          object: titleOf(policy),
          what: `ztunnel enforces this ${action} policy on ${podsText(pods)}, and it has rules about HTTP (${fields})`,
          why: action === "DENY" ? denyEffect(about) : allowEffect(about.length, rules.length),
          fix: moved(mesh, policy, pods),
        },
      ];
    });
}

function actionFinding(
  mesh: Mesh,
  policy: KubeObject,
  pods: readonly KubeObject[],
  action: string,
): ConfigurationFinding {
  return {
    id: "action-at-ztunnel",
    object: titleOf(policy),
    what: `this ${action} policy selects ${podsText(pods)}, whose ztunnel does not support the action`,
    why: "ztunnel enforces ALLOW and DENY policies alone, so that the policy has no effect there",
    fix: moved(mesh, policy, pods),
  };
}

const allowEffect = (left: number, of: number): string =>
  left === of
    ? "ztunnel reads no HTTP and leaves out ALLOW rules about it: nothing is left, and every connection to the pods is refused"
    : `ztunnel reads no HTTP and leaves out ALLOW rules about it: ${left} of ${of} rules allow nothing`;

/** A DENY rule whose source, operation or condition is about HTTP only never matches at ztunnel. */
function denyEffect(about: readonly { rule: unknown }[]): string {
  const empty = about.filter(({ rule }) => neverMatches(rule)).length;
  const wide = about.length - empty;
  const parts = [
    ...(empty > 0 ? [`${empty} of its rules are about HTTP alone, and deny nothing`] : []),
    ...(wide > 0 ? [`${wide} of its rules deny without their part about HTTP, which is more than they say`] : []),
  ];
  return `ztunnel reads no HTTP: ${parts.join("; ")}`;
}

function neverMatches(rule: unknown): boolean {
  const isEmpty = (list: string, inner: string, ignored: readonly string[]) => {
    const items = listAt(rule, list);
    return (
      items.length > 0 &&
      items.every((item) =>
        entriesAt(item, inner).every(
          ([key, values]) => ignored.includes(key) || listAt({ values }, "values").length === 0,
        ),
      )
    );
  };
  return (
    isEmpty("to", "operation", httpOperations) ||
    isEmpty("from", "source", httpSources) ||
    listAt(rule, "when").some((when) => !layer4Keys.includes(textAt(when, "key") ?? ""))
  );
}

const podsText = (pods: readonly KubeObject[]): string =>
  shortList(
    pods.map((pod) => textOf(nameOf(pod))),
    "more pods",
  );

/** The command that attaches the policy to the Services of its pods, where their waypoint enforces it. */
function moved(mesh: Mesh, policy: KubeObject, pods: readonly KubeObject[]): string {
  const { namespace } = nameOf(policy);
  const services = objectsOf(mesh, "Service").filter(
    (service) => service.metadata?.namespace === namespace && podsOf(mesh, service).some((pod) => pods.includes(pod)),
  );
  if (services.length === 0) return editCommand(policy);
  const targetRefs = services.map((service) => ({ group: "", kind: "Service", name: service.metadata?.name }));
  const patch = patchCommand(policy, { spec: { selector: null, targetRefs } });
  const without = services.filter((service) => waypointOf(mesh, service, "service").kind !== "bound");
  return [...without.map((service) => withWaypoint(mesh, service)), patch].join(" && ");
}

/** The command that adds a waypoint to a Service: an existing one of its namespace, or a new one. */
export function withWaypoint(mesh: Mesh, service: KubeObject): string {
  const { namespace } = nameOf(service);
  const existing = objectsOf(mesh, "Gateway").find(
    (gateway) =>
      gateway.metadata?.namespace === namespace &&
      listAt(gateway, "spec", "listeners").some((each) => textAt(each, "protocol") === "HBONE"),
  );
  const name = existing?.metadata?.name ?? "waypoint";
  const label = labelCommand(service, `istio.io/use-waypoint=${name}`);
  return existing ? label : `istioctl waypoint apply --namespace ${namespace} --name ${name} && ${label}`;
}
