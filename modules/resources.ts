import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { type ServiceSettings, serviceArgs } from "../components/workload";
import { annotationKeys, apiVersions, appNamespace, type Kind, labelKeys, waypointName } from "../config/vocabulary";

/** Labels of a Service that uses the waypoint for callers inside the mesh. */
export const throughWaypoint = { [labelKeys.useWaypoint]: waypointName } as const;

/** Annotation of an object that violates a rule of the policy pack (`policies/`) on purpose, to show its effect. */
export const onPurpose = (guardRail: string) => ({ [annotationKeys.onPurpose]: guardRail });

/** A value of a Secret's `data`; a secret Output stays secret. */
export const secretData = (text: pulumi.Output<string>): pulumi.Output<string> =>
  text.apply((value) => Buffer.from(value).toString("base64"));

/** A Service of a module. */
export const moduleService = (settings: ServiceSettings, opts: pulumi.CustomResourceOptions): k8s.core.v1.Service =>
  new k8s.core.v1.Service(`${settings.name}-service`, serviceArgs(settings), opts);

/** Metadata of an object beside its name. */
interface ModuleMetadata {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  /** @default the apps' namespace */
  namespace?: string;
}

/** A custom resource, under its own name. */
export function moduleObject(
  kind: Kind,
  name: string,
  spec: unknown,
  opts: pulumi.CustomResourceOptions,
  metadata: ModuleMetadata = {},
): k8s.apiextensions.CustomResource {
  return new k8s.apiextensions.CustomResource(
    name,
    {
      apiVersion: apiVersions[kind],
      kind,
      metadata: { name, namespace: appNamespace, ...metadata },
      spec,
    },
    opts,
  );
}
