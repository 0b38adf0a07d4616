import { type AddressInfo, createServer, type Socket } from "node:net";
import { Writable } from "node:stream";
import type { LabFacts } from "../../experiments/types";
import { client, kubeConfig } from "../../verify/kube/client";

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
  /** Hears why a connection could not be made. */
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
