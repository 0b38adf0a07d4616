import * as pulumi from "@pulumi/pulumi";
import { workload } from "../../components/workload";
import type { ModuleArgs } from "../args";
import { moduleObject, moduleService, podOnEachNode } from "../resources";

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
    podOnEachNode("sniffer", sniffer, args, own);
    this.registerOutputs();
  }
}

/** Captures in the network namespace of its node, with tcpdump and the capabilities that it needs. */
const sniffer = {
  name: "sniffer",
  pod: {
    hostNetwork: true,
    automountServiceAccountToken: false,
    volumes: [{ name: "captures", emptyDir: { sizeLimit: "16Mi" } }],
  },
  container: {
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: "RuntimeDefault" },
      // tcpdump sets its user after it has opened the socket, even to the same user.
      capabilities: { drop: ["ALL"], add: ["NET_RAW", "SETGID", "SETUID"] },
    },
    volumeMounts: [{ name: "captures", mountPath: "/tmp" }],
  },
};
