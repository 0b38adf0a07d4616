import { stringify } from "yaml";
import type { KubeObject } from "../../../verify/lab-client";
import { nameOf } from "../objects/mesh-objects";

/** Names of resources for kubectl, with their group, since short names are ambiguous. */
const resources: Readonly<Record<string, string>> = {
  AuthorizationPolicy: "authorizationpolicies.security.istio.io",
  PeerAuthentication: "peerauthentications.security.istio.io",
  RequestAuthentication: "requestauthentications.security.istio.io",
  Gateway: "gateways.gateway.networking.k8s.io",
  HTTPRoute: "httproutes.gateway.networking.k8s.io",
  Service: "services",
  ConfigMap: "configmaps",
};

function target(object: KubeObject): string {
  const { namespace, name } = nameOf(object);
  return `${resources[object.kind ?? ""] ?? object.kind?.toLowerCase()} ${name} --namespace ${namespace}`;
}

/** Merges a patch into an object; null removes a field. */
export const patchCommand = (object: KubeObject, patch: unknown): string =>
  `kubectl patch ${target(object)} --type merge --patch '${JSON.stringify(patch)}'`;

export const labelCommand = (object: KubeObject, label: string): string =>
  `kubectl label ${target(object)} --overwrite ${label}`;

export const annotateCommand = (object: KubeObject, annotation: string): string =>
  `kubectl annotate ${target(object)} ${annotation}`;

export const editCommand = (object: KubeObject): string => `kubectl edit ${target(object)}`;

/** Makes an object, for a POSIX shell. */
export const applyCommand = (object: KubeObject): string =>
  `kubectl apply --filename - <<'EOF'\n${stringify(object)}EOF`;
