import type * as k8s from "@pulumi/kubernetes";
import { restricted } from "../../components/workload";
import { health, image } from "./objects";

const name = "grpc";

/** The container of the server of gRPC's health service. The flags are those of agnhost 2.56 (grpc-health-checking.go). */
export const healthServer: k8s.types.input.core.v1.Container = {
  ...restricted.container,
  name,
  image,
  imagePullPolicy: "IfNotPresent",
  // Its second listener has the port of the apps' server by default, which stands in the same pod in the module `cost`.
  args: ["grpc-health-checking", `--port=${health.port}`, `--http-port=${health.port + 1}`],
  ports: [{ name, containerPort: health.port }],
  // A gRPC probe would add lines to the server's log, in which the experiment counts calls.
  readinessProbe: { tcpSocket: { port: health.port }, periodSeconds: 2 },
  resources: { requests: { cpu: "10m", memory: "32Mi" } },
};

/**
 * The port of a Service that leads to {@link healthServer}. The appProtocol means HTTP/2 without TLS: proxies would use HTTP/1.1
 * otherwise.
 */
export const healthServicePort = (port: number): k8s.types.input.core.v1.ServicePort => ({
  ...{ name, port, targetPort: health.port, appProtocol: "kubernetes.io/h2c" },
});
