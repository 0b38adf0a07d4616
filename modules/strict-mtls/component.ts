import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../../components/child";
import { type WorkloadImage, workload } from "../../components/workload";
import { annotationKeys, appNamespace, labelKeys } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, moduleService, onPurpose } from "../resources";

/**
 * appf, which accepts only mutual TLS, and appg, which also accepts plain text; both on another node than appa, so that their
 * traffic crosses the network between nodes. A sniffer on every node captures it.
 */
export class StrictMtls extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:StrictMtls", name, { image: args.image }, opts);
    const own = { prefix: name, parent: this };
    const strict = workload({ name: "appf", mesh: true, awayFrom: "appa" }, args, own);
    const permissive = workload({ name: "appg", mesh: true, awayFrom: "appa", near: "appf" }, args, {
      ...own,
      dependsOn: strict,
    });
    moduleService({ name: "appf", pods: "appf" }, { ...own, dependsOn: strict });
    moduleService({ name: "appg", pods: "appg" }, { ...own, dependsOn: permissive });
    const selector = { matchLabels: { app: "appf" } };
    moduleObject("PeerAuthentication", "appf-strict", { selector, mtls: { mode: "STRICT" } }, own);
    new k8s.apps.v1.DaemonSet(...child("sniffer", own, snifferArgs(args)));
    this.registerOutputs();
  }
}

/** A pod in the network namespace of each node, with tcpdump and the capabilities that it needs. */
function snifferArgs({ image, imageId }: WorkloadImage): k8s.apps.v1.DaemonSetArgs {
  const labels = { app: "sniffer" };
  return {
    metadata: { name: "sniffer", namespace: appNamespace, labels, annotations: onPurpose("pods-are-confined") },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels: { ...labels, [labelKeys.dataplaneMode]: "none" },
          annotations: { [annotationKeys.imageId]: imageId },
        },
        spec: {
          hostNetwork: true,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: "sniffer",
              image,
              imagePullPolicy: "IfNotPresent",
              // The image's own command would open a port of the node.
              command: ["sleep", "infinity"],
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                seccompProfile: { type: "RuntimeDefault" },
                // tcpdump sets its user after it has opened the socket, even to the same user.
                capabilities: { drop: ["ALL"], add: ["NET_RAW", "SETGID", "SETUID"] },
              },
              volumeMounts: [{ name: "captures", mountPath: "/tmp" }],
              resources: { requests: { cpu: "5m", memory: "16Mi" } },
            },
          ],
          volumes: [{ name: "captures", emptyDir: { sizeLimit: "16Mi" } }],
        },
      },
    },
  };
}
