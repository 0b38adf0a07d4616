import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { type ChildOptions, child } from "../components/child";
import { type CustomResourceArgs, customResource, type Specs } from "../components/custom-resource";
import { type ServiceSettings, serviceArgs, type WorkloadImage } from "../components/workload";
import { annotationKeys, appNamespace, labelKeys, waypointName } from "../config/vocabulary";

/** Labels of a Service whose callers inside the mesh meet the waypoint. */
export const throughWaypoint = { [labelKeys.useWaypoint]: waypointName } as const;

/** Marks an object that violates a guard-rail of `policies/` on purpose, to show the effect. */
export const onPurpose = (guardRail: string) => ({ [annotationKeys.onPurpose]: guardRail });

/** What a pod of {@link podOnEachNode} needs of its node. */
interface NodePod {
  /** Name of the DaemonSet. */
  name: string;
  pod: Omit<k8s.types.input.core.v1.PodSpec, "containers">;
  container: Omit<k8s.types.input.core.v1.Container, "name">;
}

/**
 * A pod on each node for applications, outside the mesh, in which the verifier runs commands.
 * @param resource name of the resource
 */
export function podOnEachNode(
  resource: string,
  { name, pod, container }: NodePod,
  { image, imageId }: WorkloadImage,
  options: ChildOptions,
): k8s.apps.v1.DaemonSet {
  const labels = { app: name };
  const args: k8s.apps.v1.DaemonSetArgs = {
    metadata: { name, namespace: appNamespace, labels, annotations: onPurpose("pods-are-confined") },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels: { ...labels, [labelKeys.dataplaneMode]: "none" },
          annotations: { [annotationKeys.imageId]: imageId },
        },
        spec: {
          ...pod,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              ...container,
              ...{ name: resource, image, imagePullPolicy: "IfNotPresent" },
              // The image's own command would open a port.
              command: ["sleep", "infinity"],
              resources: { requests: { cpu: "5m", memory: "16Mi" } },
            },
          ],
        },
      },
    },
  };
  return new k8s.apps.v1.DaemonSet(...child(resource, options, args));
}

/** A value of a Secret's `data`; a secret of the state stays one. */
export const secretData = (text: pulumi.Output<string>): pulumi.Output<string> =>
  text.apply((value) => Buffer.from(value).toString("base64"));

/** A Service of a module. */
export const moduleService = (settings: ServiceSettings, options: ChildOptions): k8s.core.v1.Service =>
  new k8s.core.v1.Service(...child(`${settings.name}-service`, options, serviceArgs(settings)));

interface ModuleMetadata {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  /** @default the apps' namespace */
  namespace?: string;
}

/** An object that the provider has no types for, under its own name. */
export const moduleObject = <K extends keyof Specs>(
  kind: K,
  name: string,
  spec: CustomResourceArgs<K>["spec"],
  options: ChildOptions,
  metadata: ModuleMetadata = {},
): k8s.apiextensions.CustomResource =>
  customResource(name, { kind, metadata: { name, namespace: appNamespace, ...metadata }, spec }, options);
