import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { annotationKeys, appNamespace, labelKeys, ports } from "../config/vocabulary";
import { type ChildOptions, child } from "./child";

/** The image that every workload of the lab runs. */
export interface WorkloadImage {
  /** Image reference. */
  image: pulumi.Input<string>;
  /** Id of the image, for the pod template: a new image restarts the pods. */
  imageId: pulumi.Input<string>;
}

/**
 * Fields of a pod and its container that the level "restricted" of the Pod Security Standards requires, with a read-only root
 * filesystem and without a token for the API server.
 */
export const restricted = {
  pod: {
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    },
  },
  container: {
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
  },
};

/** Settings of a workload. */
export interface WorkloadSettings {
  name: string;
  /** Whether its pods are in the mesh. */
  mesh: boolean;
  /** @default the apps' namespace */
  namespace?: string;
  /** Resource of the namespace, if the stack creates it. */
  within?: pulumi.Resource;
  /** Existing ServiceAccount of its pod. @default a new one with its own name */
  account?: string;
  /** Application whose node it avoids if possible. */
  awayFrom?: string;
  /** Application whose node it prefers. */
  near?: string;
  /** Labels of its pods beside `app`. @default none */
  labels?: Record<string, string>;
  /** @default 1 */
  replicas?: number;
  /** Containers beside the server. @default none */
  beside?: k8s.types.input.core.v1.Container[];
}

/** A Deployment of one pod, and its ServiceAccount. */
export function workload(
  settings: WorkloadSettings,
  image: WorkloadImage,
  options: ChildOptions,
): k8s.apps.v1.Deployment {
  const { name, namespace = appNamespace, within } = settings;
  const called = namespace === appNamespace ? name : `${namespace}-${name}`;
  const account = settings.account
    ? within
    : new k8s.core.v1.ServiceAccount(
        ...child(`${called}-account`, { ...options, dependsOn: within ?? [] }, { metadata: { name, namespace } }),
      );
  const dependsOn = [account, options.dependsOn ?? []].flat().filter((each) => each !== undefined);
  return new k8s.apps.v1.Deployment(...child(called, { ...options, dependsOn }, deploymentArgs(settings, image)));
}

function deploymentArgs(settings: WorkloadSettings, { image, imageId }: WorkloadImage): k8s.apps.v1.DeploymentArgs {
  const { name, mesh, namespace = appNamespace, replicas = 1 } = settings;
  const labels = { app: name };
  const ofPods = { ...labels, ...settings.labels };
  return {
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels: mesh ? ofPods : { ...ofPods, [labelKeys.dataplaneMode]: "none" },
          annotations: { [annotationKeys.imageId]: imageId },
        },
        spec: {
          ...restricted.pod,
          serviceAccountName: settings.account ?? name,
          terminationGracePeriodSeconds: 2,
          ...placement(settings),
          containers: [
            {
              ...restricted.container,
              name: "httpbin",
              image,
              imagePullPolicy: "IfNotPresent",
              ports: [{ name: "http", containerPort: ports.container }],
              readinessProbe: { httpGet: { path: "/status/200", port: ports.container }, periodSeconds: 2 },
              resources: { requests: { cpu: "10m", memory: "32Mi" } },
            },
            ...(settings.beside ?? []),
          ],
        },
      },
    },
  };
}

/** Affinity as a preference: a lab with one worker has only one node for pods. */
function placement({ awayFrom, near }: WorkloadSettings): Pick<k8s.types.input.core.v1.PodSpec, "affinity"> {
  const wish = (app: string) => ({
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: { labelSelector: { matchLabels: { app } }, topologyKey: "kubernetes.io/hostname" },
      },
    ],
  });
  if (!awayFrom && !near) return {};
  return {
    affinity: {
      ...(awayFrom ? { podAntiAffinity: wish(awayFrom) } : {}),
      ...(near ? { podAffinity: wish(near) } : {}),
    },
  };
}

export interface ServiceSettings {
  name: string;
  /** Workload whose pods it selects. */
  pods: string;
  /** Labels in addition to `app`. @default none */
  labels?: Record<string, string>;
  /** @default none */
  annotations?: Record<string, string>;
  /** @default the apps' namespace */
  namespace?: string;
  /** Ports beside that of the server. @default none */
  ports?: k8s.types.input.core.v1.ServicePort[];
}

/** A Service for the pods of a workload. It skips the engine's wait for endpoints, which takes 10 s. */
export function serviceArgs(settings: ServiceSettings): k8s.core.v1.ServiceArgs {
  const { name, pods, labels, annotations, namespace, ports: more = [] } = settings;
  return {
    metadata: {
      name,
      namespace: namespace ?? appNamespace,
      labels: { app: name, ...labels },
      annotations: { [annotationKeys.skipAwait]: "true", ...annotations },
    },
    spec: {
      selector: { app: pods },
      ports: [{ name: "http", port: ports.service, targetPort: ports.container, appProtocol: "http" }, ...more],
    },
  };
}
