import { labelKeys, meshNamespace } from "../../config/vocabulary";
import type { VerifyContext } from "../context";
import type { ClusterReader, KubeObject } from "../lab-client";
import { keyOf } from "./drift";
import { type Other, other } from "./other";

const defaultRevision = "default";
const labelOf = ({ metadata }: KubeObject, key: string): string | undefined => metadata?.labels?.[key];
/** The chart labels istiod by its revision (istio 1.31 manifests/charts/istio-control/istio-discovery/templates/deployment.yaml). */
const revisionOf = (object: KubeObject): string => labelOf(object, labelKeys.revision) || defaultRevision;

/**
 * Foreign control planes of Istio; that of the lab has no revision. A Gateway belongs to the istiods with the revision or tag of its label,
 * else of the label of its namespace, else of "default" (istio 1.31 pkg/revisions/tag_watcher.go,
 * IsMine).
 */
export async function controlPlanesOfOthers(
  { lab, facts, signal }: Pick<VerifyContext, "facts" | "signal"> & { lab: Pick<ClusterReader, "list" | "read"> },
  declared: readonly KubeObject[],
): Promise<Other[]> {
  const deployments = await lab.list({ apiVersion: "apps/v1", kind: "Deployment", labels: { app: "istiod" } }, signal);
  const planes = deployments
    .filter((each) => labelOf(each, "app") === "istiod")
    .filter(({ metadata }) => metadata?.namespace !== meshNamespace || metadata.name !== "istiod")
    .map((each) => ({ ...each, apiVersion: "apps/v1", kind: "Deployment" }));
  if (planes.length === 0) return [];
  const tags = await tagsIn(lab, signal);
  const read = async ({ apiVersion = "", kind = "", metadata: { name = "", namespace } = {} }: KubeObject) => {
    const found = await lab.read({ apiVersion, kind, name, ...(namespace ? { namespace } : {}) }, signal);
    return found ? [{ ...found, kind }] : [];
  };
  const live = (
    await Promise.all(declared.filter(({ kind }) => kind === "Gateway" || kind === "Namespace").map(read))
  ).flat();
  const selecting = live.map((object) => ({ object, selected: selectedBy(object, live) }));
  return planes.map((plane) => {
    const revision = revisionOf(plane);
    const names = [revision, ...tags.filter((tag) => tag.revision === revision).map(({ tag }) => tag)];
    const by = selecting.find(({ object, selected }) => object.kind === "Gateway" && names.includes(selected));
    const what = by
      ? `it is the control plane of revision ${revision}, which ${keyOf(by.object)} is for (${labelKeys.revision}=${by.selected})`
      : `it is the control plane of revision ${revision}, beside that of the lab`;
    const found = other(plane, what, by !== undefined, facts);
    const fix = `${found.cause.fix}   (only if no other mesh of this cluster needs it)`;
    return { ...found, cause: { ...found.cause, fix } };
  });
}

/** Revision or tag that an object selects. */
function selectedBy(object: KubeObject, all: readonly KubeObject[]): string {
  const home = all.find(({ kind, metadata }) => kind === "Namespace" && metadata?.name === object.metadata?.namespace);
  return (labelOf(object, labelKeys.revision) ?? (home && labelOf(home, labelKeys.revision))) || defaultRevision;
}

/**
 * Tags of revisions: Services and webhooks (…/istio-discovery/templates/revision-tags-svc.yaml and revision-tags-mwc.yaml), and the
 * webhook whose revision is the default one (manifests/charts/base/templates/defaultrevision-validatingwebhookconfiguration.yaml).
 */
async function tagsIn(lab: Pick<ClusterReader, "list">, signal: AbortSignal) {
  const webhooks = "admissionregistration.k8s.io/v1";
  const lists = await Promise.all([
    lab.list({ apiVersion: "v1", kind: "Service" }, signal),
    lab.list({ apiVersion: webhooks, kind: "MutatingWebhookConfiguration" }, signal),
    lab.list({ apiVersion: webhooks, kind: "ValidatingWebhookConfiguration" }, signal),
  ]);
  return lists.flat().flatMap((each) => {
    const isDefault = each.metadata?.name === "istiod-default-validator";
    const tag = labelOf(each, "istio.io/tag") ?? (isDefault ? defaultRevision : undefined);
    return tag ? [{ tag, revision: revisionOf(each) }] : [];
  });
}
