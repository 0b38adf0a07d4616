import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { waypointOnlySpec } from "../../components/authorization";
import { child } from "../../components/child";
import type { Specs } from "../../components/custom-resource";
import { restricted } from "../../components/workload";
import { annotationKeys, appNamespace, ports, principalOf } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, throughWaypoint } from "../resources";
import { health, image } from "./objects";
import { healthServer, healthServicePort } from "./server";

const name = "grpc";
const labels = { app: name };

/** A server of gRPC's own health service, and a policy that names one of its methods. */
export class Grpc extends pulumi.ComponentResource {
  constructor(module: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Grpc", module, { image }, opts);
    const own = { prefix: module, parent: this };
    const metadata = { name, namespace: appNamespace };
    const account = new k8s.core.v1.ServiceAccount(...child(`${name}-account`, own, { metadata }));
    const dependsOn = [account, ...args.images];
    const server = new k8s.apps.v1.Deployment(...child(`${name}-server`, { ...own, dependsOn }, deploymentArgs));
    new k8s.core.v1.Service(...child(`${name}-service`, { ...own, dependsOn: server }, serviceArgs));
    moduleObject("AuthorizationPolicy", "grpc-l7", methodSpec, own);
    moduleObject("AuthorizationPolicy", "grpc-waypoint-only", waypointOnlySpec(name), own);
    this.registerOutputs();
  }
}

const deploymentArgs: k8s.apps.v1.DeploymentArgs = {
  metadata: { name, namespace: appNamespace, labels },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        ...restricted.pod,
        serviceAccountName: name,
        terminationGracePeriodSeconds: 2,
        containers: [healthServer],
      },
    },
  },
};

const serviceArgs: k8s.core.v1.ServiceArgs = {
  metadata: {
    name,
    namespace: appNamespace,
    labels: { ...labels, ...throughWaypoint },
    annotations: { [annotationKeys.skipAwait]: "true" },
  },
  spec: {
    selector: labels,
    ports: [healthServicePort(ports.service)],
  },
};

/** A gRPC method is an HTTP path, and each call a POST. */
const methodSpec: Specs["AuthorizationPolicy"] = {
  targetRefs: [{ group: "", kind: "Service", name }],
  action: "ALLOW",
  rules: [
    {
      from: [{ source: { principals: [principalOf("appa")] } }],
      to: [{ operation: { methods: ["POST"], paths: [health.allowed] } }],
    },
  ],
};
