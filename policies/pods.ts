import { at, isOnPurpose, listAt, type Manifest, nameOf, textsAt } from "./manifest";

const hostFields = ["hostNetwork", "hostPID", "hostIPC"];
const containerLists = ["containers", "initContainers", "ephemeralContainers"];
/** Capabilities that the level "baseline" of the Pod Security Standards allows. */
const harmless = [
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"],
  ...["SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
];

/** Pods with access to their node: a process in such a pod can control the node and bypass the mesh. */
export function unconfinedPods(object: Manifest): string[] {
  if (isOnPurpose(object, "pods-are-confined")) return [];
  const spec = object.kind === "Pod" ? object.spec : at(object.spec, "template", "spec");
  const containers = containerLists.flatMap((list) => listAt(spec, list));
  const found = [
    ...hostFields.filter((field) => at(spec, field) === true),
    ...listAt(spec, "volumes").flatMap((volume) => (at(volume, "hostPath") ? ["hostPath"] : [])),
    ...containers.flatMap((container) => [
      ...(at(container, "securityContext", "privileged") === true ? ["privileged"] : []),
      ...textsAt(container, "securityContext", "capabilities", "add").filter((each) => !harmless.includes(each)),
      ...listAt(container, "ports").flatMap((port) => (at(port, "hostPort") ? ["hostPort"] : [])),
    ]),
  ];
  if (found.length === 0) return [];
  return [`${nameOf(object)} asks for ${[...new Set(found)].join(", ")}: a pod of the lab stays off its node`];
}
