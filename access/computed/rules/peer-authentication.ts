import { hasLabels } from "../../../verify/declared/authorization";
import { at, entriesAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { byAge, objectsOf } from "../objects/mesh-objects";

/**
 * Whether ztunnel refuses plain text to a pod, from PeerAuthentications (istio 1.31, pilot/pkg/serviceregistry/ambient/authorization.go:
 * convertedSelectorPeerAuthentications decides which of istiod's DENY policies a pod has, convertPeerAuthentication writes them).
 */

type Mode = "STRICT" | "PERMISSIVE" | "DISABLE" | "UNSET";

const modeOf = (mtls: unknown): Mode => {
  const said = textAt(mtls, "mode");
  return said === "STRICT" || said === "PERMISSIVE" || said === "DISABLE" ? said : "UNSET";
};

/** The mode of a policy as a whole; undefined without a policy. */
const wholeMode = (policy: KubeObject | undefined): Mode | undefined => policy && modeOf(at(policy, "spec", "mtls"));

const portModes = (policy: KubeObject): [port: number, mode: Mode][] =>
  entriesAt(policy, "spec", "portLevelMtls").map(([port, mtls]) => [Number(port), modeOf(mtls)]);

const isOpen = (mode: Mode): boolean => mode === "PERMISSIVE" || mode === "DISABLE";

/** The policies that decide for a pod: the oldest for the mesh, for its namespace, and for the pod itself. */
interface Levels {
  mesh?: KubeObject;
  namespace?: KubeObject;
  workload?: KubeObject;
}

function levelsOf(mesh: Mesh, pod: KubeObject): Levels {
  const { rootNamespace } = mesh;
  const own = byAge(objectsOf(mesh, "PeerAuthentication")).filter((policy) => {
    const selector = at(policy, "spec", "selector");
    if (policy.metadata?.namespace === rootNamespace && selector === undefined) return true;
    const here = policy.metadata?.namespace === pod.metadata?.namespace;
    return here && hasLabels(pod.metadata?.labels ?? {}, at(selector, "matchLabels"));
  });
  const isWhole = (policy: KubeObject) => entriesAt(policy, "spec", "selector", "matchLabels").length === 0;
  const inRoot = ({ metadata }: KubeObject) => metadata?.namespace === rootNamespace;
  const found = {
    mesh: own.find((policy) => isWhole(policy) && inRoot(policy)),
    namespace: own.find((policy) => isWhole(policy) && !inRoot(policy)),
    workload: own.find((policy) => !isWhole(policy) && !inRoot(policy)),
  };
  return Object.fromEntries(Object.entries(found).filter(([, policy]) => policy !== undefined));
}

/** The PeerAuthentication by which ztunnel refuses plain text to a port of a pod; undefined when it accepts plain text. */
export function strictPolicyOf(mesh: Mesh, pod: KubeObject, port: number): KubeObject | undefined {
  const { mesh: root, namespace, workload } = levelsOf(mesh, pod);
  const inherited = inheritedStrict(root, namespace);
  if (!workload) return inherited;
  const mode = wholeMode(workload) ?? "UNSET";
  const ports = portModes(workload);
  const strictPorts = ports.some(([, each]) => each === "STRICT");
  if (mode === "STRICT") {
    if (!ports.some(([, each]) => isOpen(each))) return workload;
    return deniesPort(workload, port, root, namespace) ? workload : undefined;
  }
  if (isOpen(mode)) return strictPorts && deniesPort(workload, port, root, namespace) ? workload : undefined;
  // Without a mode of its own: only PERMISSIVE ports, and not DISABLE ones, are exceptions from a STRICT parent.
  if (inherited) {
    if (!ports.some(([, each]) => each === "PERMISSIVE")) return inherited;
    return deniesPort(workload, port, root, namespace) ? workload : undefined;
  }
  return strictPorts && deniesPort(workload, port, root, namespace) ? workload : undefined;
}

function inheritedStrict(root: KubeObject | undefined, namespace: KubeObject | undefined): KubeObject | undefined {
  const own = wholeMode(namespace);
  if (own !== undefined && own !== "UNSET") return own === "STRICT" ? namespace : undefined;
  return wholeMode(root) === "STRICT" ? root : undefined;
}

/** Whether the DENY policy that istiod writes for a policy with ports matches plain text to this port. */
function deniesPort(
  policy: KubeObject,
  port: number,
  root: KubeObject | undefined,
  namespace: KubeObject | undefined,
): boolean {
  const mode = wholeMode(policy) ?? "UNSET";
  const [ofRoot, ofNamespace] = [wholeMode(root), wholeMode(namespace)];
  const rootStrict = ofRoot === "STRICT";
  // For istiod the parent is STRICT when the mesh is STRICT, whatever the mode of the policy.
  const parentStrict =
    mode === "STRICT" ||
    (mode === "UNSET" && ofNamespace === "STRICT") ||
    ((ofNamespace ?? "UNSET") === "UNSET" && rootStrict);
  // A namespace that only inherits counts as open.
  const parentOpen = ofNamespace === undefined ? !rootStrict : ofNamespace !== "STRICT";
  const ports = portModes(policy);
  const strict = parentStrict ? [] : ports.filter(([, each]) => each === "STRICT").map(([number]) => number);
  const open =
    isOpen(mode) || (mode === "UNSET" && parentOpen)
      ? []
      : ports.filter(([, each]) => isOpen(each)).map(([number]) => number);
  return strict.includes(port) || (open.length > 0 && !open.includes(port));
}
