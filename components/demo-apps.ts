import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appNamespace, appPort, waypointName } from "./names";

/** A workload of the demo. */
interface DemoApp {
  name: string;
  /** Labels of its Service. @default it has no Service */
  service?: Record<string, string>;
  /** Whether its pods are in the mesh. */
  mesh: boolean;
}

/** The workloads: two apps of the story, and the two that the proofs of a refusal need. */
export const demoApps: readonly DemoApp[] = [
  { name: "appa", mesh: true, service: {} },
  {
    name: "appb",
    mesh: true,
    service: {
      // The caller's ztunnel goes through the waypoint by the first label; the gateway only by the second.
      "istio.io/use-waypoint": waypointName,
      "istio.io/ingress-use-waypoint": "true",
    },
  },
  { name: "stranger", mesh: true },
  { name: "outsider", mesh: false },
];

export interface DemoAppsArgs {
  /** Image reference of every workload. */
  image: string;
  /** Id of that image, in the pod template: a new image rolls the pods. */
  imageId: pulumi.Input<string>;
}

/** appa and appb of the story, a stranger (in the mesh, not in the policy) and an outsider (not in the mesh). */
export class DemoApps extends pulumi.ComponentResource {
  constructor(name: string, args: DemoAppsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:apps:DemoApps", name, {}, opts);
    for (const app of demoApps) {
      const account = new k8s.core.v1.ServiceAccount(
        `${app.name}-account`,
        { metadata: { name: app.name, namespace: appNamespace } },
        { parent: this },
      );
      const deployment = new k8s.apps.v1.Deployment(app.name, deploymentArgs(app, args), {
        parent: this,
        dependsOn: account,
      });
      if (app.service) {
        // The pods are ready by then; the engine's own await of endpoints would take 10 s to see it.
        new k8s.core.v1.Service(`${app.name}-service`, serviceArgs(app.name, app.service), {
          parent: this,
          dependsOn: deployment,
        });
      }
    }
    this.registerOutputs();
  }
}

function deploymentArgs(app: DemoApp, { image, imageId }: DemoAppsArgs): k8s.apps.v1.DeploymentArgs {
  const labels = { app: app.name };
  return {
    metadata: { name: app.name, namespace: appNamespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels: app.mesh ? labels : { ...labels, "istio.io/dataplane-mode": "none" },
          annotations: { "ambient-lab/image-id": imageId },
        },
        spec: {
          serviceAccountName: app.name,
          terminationGracePeriodSeconds: 2,
          containers: [
            {
              name: "httpbin",
              image,
              imagePullPolicy: "IfNotPresent",
              ports: [{ name: "http", containerPort: appPort.container }],
              readinessProbe: { httpGet: { path: "/status/200", port: appPort.container }, periodSeconds: 2 },
              resources: { requests: { cpu: "10m", memory: "32Mi" } },
            },
          ],
        },
      },
    },
  };
}

function serviceArgs(name: string, labels: Record<string, string>): k8s.core.v1.ServiceArgs {
  return {
    metadata: {
      name,
      namespace: appNamespace,
      labels: { app: name, ...labels },
      annotations: { "pulumi.com/skipAwait": "true" },
    },
    spec: {
      selector: { app: name },
      ports: [{ name: "http", port: appPort.service, targetPort: appPort.container, appProtocol: "http" }],
    },
  };
}
