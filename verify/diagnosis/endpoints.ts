import { labelKeys } from "../../config/vocabulary";
import { objects } from "../../experiments/objects";
import type { LabFacts } from "../../experiments/types";
import type { VerifyContext } from "../context";
import { hasLabels } from "../declared/authorization";
import { at, entriesAt, listAt, textAt, textsAt } from "../json";
import type { ClusterReader, KubeObject } from "../lab-client";
import { addressesOf } from "../pods";
import { type Other, type Own, other } from "./other";

/** Workloads of the lab, as owners of its pods. */
const owners: ReadonlySet<string> = new Set(
  Object.values(objects)
    .filter(({ kind }) => kind === "Deployment" || kind === "DaemonSet")
    .map(({ namespace, name }) => `${namespace}/${name}`),
);

/** Foreign pods and endpoints of the lab's Services, and foreign Services with pods of the lab as endpoints. */
export async function endpointsOfOthers(
  { lab, facts, signal }: Pick<VerifyContext, "facts" | "signal"> & { lab: Pick<ClusterReader, "list" | "read"> },
  own: Own,
): Promise<Other[]> {
  const [pods, slices] = await Promise.all([
    lab.list({ apiVersion: "v1", kind: "Pod" }, signal),
    lab.list({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" }, signal),
  ]);
  const here = pods.filter((pod) => own.namespaces.has(pod.metadata?.namespace ?? "") && isAlive(pod));
  const byAddress = new Map(here.flatMap((pod) => addressesOf(pod).map((address) => [address, pod] as const)));
  const fronts = slices.flatMap((slice) => frontOf(slice, byAddress, own));
  const doors = await Promise.all(
    fronts.map(async ({ namespace, name, app }) => {
      const ref = { apiVersion: "v1", kind: "Service", namespace, name };
      const service = await lab.read(ref, signal);
      return service ? [foreignServiceOf({ ...service, ...ref }, app, facts)] : [];
    }),
  );
  return [
    ...here.filter((pod) => !isOurs(pod)).flatMap((pod) => intruderOf(pod, own, facts)),
    ...slices.flatMap((slice) => foreignEndpointOf(slice, byAddress, own, facts)),
    ...doors.flat(),
  ];
}

/** A pod that no workload of the lab made, and that has the labels of one or answers for one of its Services. */
function intruderOf(pod: KubeObject, { services, apps }: Own, facts: LabFacts): Other[] {
  const { namespace, labels = {} } = pod.metadata ?? {};
  const service = services.find(
    ({ metadata, spec }) =>
      metadata?.namespace === namespace &&
      entriesAt(spec, "selector").length > 0 &&
      hasLabels(labels, at(spec, "selector")),
  );
  const twin = apps.find((each) => each.namespace === namespace && each.app === labels.app);
  if (!service && !twin) return [];
  const what = service ? `it answers for Service ${service.metadata?.name}` : `it has the label app=${twin?.app}`;
  return [other({ ...pod, apiVersion: "v1", kind: "Pod" }, what, true, facts)];
}

const serviceOf = ({ metadata }: KubeObject): string => metadata?.labels?.["kubernetes.io/service-name"] ?? "";

const isDeclared = (slice: KubeObject, { services }: Own): boolean =>
  services.some(
    ({ metadata }) => metadata?.name === serviceOf(slice) && metadata.namespace === slice.metadata?.namespace,
  );

const addressesIn = (slice: KubeObject): string[] =>
  listAt(slice, "endpoints").flatMap((endpoint) => textsAt(endpoint, "addresses"));

/** Whether Kubernetes maintains an EndpointSlice. It may briefly contain the address of a deleted pod of the lab. */
const isByController = ({ metadata }: KubeObject): boolean =>
  metadata?.labels?.["endpointslice.kubernetes.io/managed-by"] === "endpointslice-controller.k8s.io";

/** Endpoints of one of the lab's Services that are no pods of the lab. */
function foreignEndpointOf(
  slice: KubeObject,
  pods: ReadonlyMap<string, KubeObject>,
  own: Own,
  facts: LabFacts,
): Other[] {
  if (!isDeclared(slice, own) || isByController(slice)) return [];
  const foreign = addressesIn(slice).find((address) => !pods.has(address));
  if (foreign === undefined) return [];
  const object = { ...slice, apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" };
  return [other(object, `${foreign} answers for Service ${serviceOf(slice)}, and is no pod of the lab`, true, facts)];
}

/** Another Service that leads to the pods of one of the lab's applications. */
function frontOf(
  slice: KubeObject,
  pods: ReadonlyMap<string, KubeObject>,
  own: Own,
): { namespace: string; name: string; app: string }[] {
  if (isDeclared(slice, own)) return [];
  const reached = addressesIn(slice)
    .flatMap((address) => pods.get(address) ?? [])
    // The address of a pod on the host's network is the node's.
    .filter((pod) => isOurs(pod) && at(pod, "spec", "hostNetwork") !== true)
    .flatMap((pod) =>
      own.apps.filter(
        ({ namespace, app }) => namespace === pod.metadata?.namespace && app === pod.metadata.labels?.app,
      ),
    )[0];
  return reached ? [{ namespace: slice.metadata?.namespace ?? "", name: serviceOf(slice), app: reached.app }] : [];
}

/** A foreign Service with a waypoint: its requests have the identity of the waypoint, and bypass the policies of the lab's Services. */
function foreignServiceOf(service: KubeObject, app: string, facts: LabFacts): Other {
  const waypoint = service.metadata?.labels?.[labelKeys.useWaypoint] ?? "none";
  const through =
    waypoint === "none" ? "" : ` by way of waypoint ${waypoint}, without the policies of the lab's Services`;
  return other(service, `it leads to the pods of ${app}${through}`, waypoint !== "none", facts);
}

const isAlive = (pod: KubeObject): boolean =>
  at(pod, "metadata", "deletionTimestamp") === undefined &&
  !["Failed", "Succeeded"].includes(textAt(pod, "status", "phase") ?? "");

/** Whether a workload of the lab made a pod. */
export const isOurs = (pod: KubeObject): boolean => owners.has(ownerOf(pod));

/** "namespace/name" of the workload that made a pod: a ReplicaSet has the name of its Deployment and the hash of the pod's template. */
function ownerOf(pod: KubeObject): string {
  const owner = listAt(pod, "metadata", "ownerReferences").find((each) => at(each, "controller") === true);
  const name = textAt(owner, "name") ?? "";
  const hash = pod.metadata?.labels?.["pod-template-hash"] ?? "";
  const ofReplicas = textAt(owner, "kind") === "ReplicaSet" && name.endsWith(`-${hash}`);
  const workload = ofReplicas ? name.slice(0, -hash.length - 1) : textAt(owner, "kind") === "DaemonSet" ? name : "";
  return `${pod.metadata?.namespace}/${workload}`;
}
