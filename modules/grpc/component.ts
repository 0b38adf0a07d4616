import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { waypointOnlySpec } from "../../components/authorization";
import { child } from "../../components/child";
import type { Specs } from "../../components/custom-resource";
import { appNamespace, appPort, principal } from "../../components/names";
import { grpcImage } from "../../config/image-names";
import type { ModuleArgs } from "../components";
import { health } from "../numbers";
import { moduleObject, throughWaypoint } from "../resources";

const name = "grpc";
const labels = { app: name };
const port = 5000;

/** A server of gRPC's own health service, and a policy that names one of its methods. */
export class Grpc extends pulumi.ComponentResource {
  constructor(module: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Grpc", module, { image: grpcImage }, opts);
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
        serviceAccountName: name,
        terminationGracePeriodSeconds: 2,
        containers: [
          {
            name,
            image: grpcImage,
            imagePullPolicy: "IfNotPresent",
            args: ["grpc-health-checking", `--port=${port}`],
            ports: [{ name, containerPort: port }],
            // By TCP: a probe by gRPC would stand in the server's log beside the calls that are counted there.
            readinessProbe: { tcpSocket: { port }, periodSeconds: 2 },
            resources: { requests: { cpu: "10m", memory: "32Mi" } },
          },
        ],
      },
    },
  },
};

/** HTTP/2 without TLS: without this word for it the waypoint would speak HTTP/1.1 to the server. */
const serviceArgs: k8s.core.v1.ServiceArgs = {
  metadata: {
    name,
    namespace: appNamespace,
    labels: { ...labels, ...throughWaypoint },
    annotations: { "pulumi.com/skipAwait": "true" },
  },
  spec: {
    selector: labels,
    ports: [{ name, port: appPort.service, targetPort: port, appProtocol: "kubernetes.io/h2c" }],
  },
};

/** A method of gRPC is a path of HTTP, and each call a POST. */
const methodSpec: Specs["AuthorizationPolicy"] = {
  targetRefs: [{ group: "", kind: "Service", name }],
  action: "ALLOW",
  rules: [
    {
      from: [{ source: { principals: [principal("appa")] } }],
      to: [{ operation: { methods: ["POST"], paths: [health.allowed] } }],
    },
  ],
};
