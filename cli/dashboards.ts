import { type AddressInfo, createServer, type Socket } from "node:net";
import { Writable } from "node:stream";
import type { AddonName } from "../config/vocabulary";
import type { LabObject } from "../experiments/slices";
import type { LabFacts } from "../experiments/types";
import { client, kubeConfig } from "../verify/kube/client";

/** Where a dashboard is, and what of it is shown first. */
export interface Dashboard {
  service: LabObject;
  port: number;
  /** Path with query of the page to begin with. */
  page: string;
  /** Question to the dashboard itself whose answer names a better page. */
  find?: { path: string; page: (answer: unknown) => string | undefined };
  /** What is seen there, for the line in the terminal. */
  shows: string;
}

const query = (path: string, values: Record<string, string>) => `${path}?${new URLSearchParams(values)}`;

/** All dashboards that `lab open` knows. */
export const dashboards: Record<AddonName, Dashboard> = {
  kiali: {
    service: "Service/kiali",
    port: 20001,
    page: query("/kiali/console/graph/namespaces", {
      namespaces: "default",
      graphType: "workload",
      duration: "300",
      refresh: "15000",
      animation: "true",
      waypoints: "true",
      badgeSecurity: "true",
      edges: "trafficRate",
      traffic: "ambient,ambientTotal,grpc,grpcRequest,http,httpRequest,tcp,tcpSent",
    }),
    shows: "the graph of namespace default with moving traffic, ambient's included",
  },
  grafana: {
    service: "Service/grafana",
    port: 3000,
    page: query("/dashboards", { query: "istio" }),
    // Their ids are the chart's, not ours: they are asked for by name.
    find: { path: query("/api/search", { query: "ztunnel" }), page: firstUrl },
    shows: "ztunnel's dashboard",
  },
  jaeger: {
    service: "Service/tracing",
    port: 80,
    page: query("/jaeger/search", { service: "waypoint.default", lookback: "1h", limit: "20" }),
    shows: "traces of the waypoint",
  },
  prometheus: {
    service: "Service/prometheus",
    port: 9090,
    page: query("/graph", {
      "g0.expr": "sum by (source_workload, destination_workload, response_code) (rate(istio_requests_total[1m]))",
      "g0.tab": "0",
      "g0.range_input": "15m",
    }),
    shows: "requests by source, destination and response code",
  },
};

function firstUrl(answer: unknown): string | undefined {
  const [first]: readonly unknown[] = Array.isArray(answer) ? answer : [];
  const url = typeof first === "object" && first !== null ? Reflect.get(first, "url") : undefined;
  // Only a path of the dashboard itself: an answer from the cluster must not lead the browser elsewhere.
  return typeof url === "string" && /^\/[^/\\]/.test(url) ? url : undefined;
}

/** A pod and one of its ports. */
interface Target {
  pod: { namespace: string; name: string };
  port: number;
}

/** A listener on 127.0.0.1 that leads to a pod. */
export interface Forward {
  port: number;
  close(): void;
}

/** What a forward does beside forwarding. */
export interface ForwardOptions {
  /** The pod for a connection; asked again after one that failed, since pods come and go. */
  target(): Promise<Target>;
  /** Called with the reason when a connection fails. */
  failed(reason: string): void;
}

/** Leads every connection to a free port of 127.0.0.1 through the API server to a pod. */
export async function forward(facts: LabFacts, { target, failed }: ForwardOptions): Promise<Forward> {
  const config = await kubeConfig(facts);
  const { PortForward } = await client();
  const tunnels = new PortForward(config);
  const sockets = new Set<Socket>();
  let known: Promise<Target> | undefined;
  const lead = async (socket: Socket) => {
    known ??= target();
    const { pod, port } = await known;
    const complaints = new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (chunk.length > 0) refuse(socket, `port ${port} of ${pod.name}: ${chunk.toString("utf8")}`);
        done();
      },
    });
    const tunnel = await tunnels.portForward(pod.namespace, pod.name, [port], socket, complaints, socket);
    if (typeof tunnel === "function") throw new Error("The port-forward restarts by itself, which was not asked for");
    tunnel.addEventListener("close", () => socket.end());
    socket.on("close", () => tunnel.close());
    // A browser that left before the tunnel was there will not close it any more.
    if (socket.destroyed) tunnel.close();
  };
  const refuse = (socket: Socket, reason: string) => {
    known = undefined;
    failed(reason);
    socket.destroy();
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A connection that breaks is the browser's business: it opens another one.
    socket.on("error", () => socket.destroy());
    lead(socket).catch((error: unknown) => refuse(socket, error instanceof Error ? error.message : String(error)));
  });
  await new Promise<void>((ready, fail) => {
    server.once("error", fail);
    server.listen({ port: 0, host: "127.0.0.1" }, ready);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
