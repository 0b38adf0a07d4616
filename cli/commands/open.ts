import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { Argument, type Command } from "commander";
import type { AddonName } from "../../config/vocabulary";
import type { LabObject } from "../../experiments/slices";
import type { LabFacts } from "../../experiments/types";
import { messageOf, UsageError } from "../../host/errors";
import { kubeLabClient } from "../../verify/kube";
import { client, kubeConfig } from "../../verify/kube/rest";
import { PodFinder } from "../../verify/pods";
import { runningLab } from "../stack/running-lab";
import type { Io } from "../terminal/io";
import { aborted, type CommandContext, common, examples, json, jsonText } from "./common";
import { writeReport } from "./report";

interface OpenOptions {
  stack?: string;
  browser: boolean;
  json?: boolean;
}

/** `open`: opens a dashboard or the report in the browser. */
export function registerOpen(program: Command, { io }: CommandContext): void {
  const command = program
    .command("open")
    .description("forward a dashboard to 127.0.0.1 until Ctrl-C and open it; or open the newest report")
    .addArgument(new Argument("<what>").choices([...Object.keys(dashboards), "report"]));
  examples(
    json(common(command)).option("--no-browser", "print the address only"),
    "npm run lab -- open kiali        # the graph of namespace default, traffic moving",
    "npm run lab -- open grafana --no-browser",
    "npm run lab -- open report",
  );
  command.action((what: AddonName | "report", options: OpenOptions) =>
    what === "report" ? openReport(io, options) : openDashboard(io, what, options),
  );
}

async function openReport(io: Io, options: OpenOptions): Promise<void> {
  const { files } = await writeReport(io, options.stack === undefined ? {} : { stack: options.stack });
  await show(io, pathToFileURL(files[0] ?? "").href, "the report", options);
}

async function openDashboard(io: Io, addon: AddonName, options: OpenOptions): Promise<void> {
  const facts = await runningLab(io, options);
  requireAddon(facts, addon);
  const { service, port, page, find, shows } = dashboards[addon];
  const lab = await kubeLabClient(facts);
  const target = () => new PodFinder(lab).behind(service, port, io.signal);
  const first = await target();
  const found = find
    ? await lab.podGet(first.pod, first.port, find.path, io.signal).then(
        ({ body }) => find.page(JSON.parse(body)),
        // Without a better first page, the dashboard opens on its default page.
        () => undefined,
      )
    : undefined;
  const listener = await forward(facts, { target, failed: (reason) => io.stderr.write(`! ${reason}\n`) });
  try {
    await show(io, `http://127.0.0.1:${listener.port}${found ?? page}`, shows, options);
    io.stderr.write("Open until Ctrl-C.\n");
    await aborted(io.signal);
  } finally {
    listener.close();
  }
}

async function show(io: Io, url: string, shows: string, options: OpenOptions): Promise<void> {
  io.stdout.write(options.json ? jsonText({ url, shows }) : `${url}\n`);
  if (!options.browser || !io.openBrowser) return;
  io.stderr.write(`Opening ${shows}\n`);
  await io.openBrowser(url);
}

function requireAddon({ stack, settings }: LabFacts, addon: AddonName): void {
  if (settings.addons.includes(addon)) return;
  const has = settings.addons.length > 0 ? `It has ${settings.addons.join(", ")}` : "It has no dashboards";
  // Kiali and Grafana show data of Prometheus.
  const wanted = [...new Set<AddonName>(["prometheus", ...settings.addons, addon])];
  throw new UsageError({
    what: `Lab "${stack}" has no ${addon}`,
    why: `${has}: the key "addons" of its stack names what is installed`,
    fix: `npm run up -- --stack ${stack} --config 'addons=[${wanted.join(", ")}]'`,
  });
}

/** A dashboard and its first page. */
export interface Dashboard {
  service: LabObject;
  port: number;
  /** Path and query of the first page. */
  page: string;
  /** Request to the dashboard whose response names a better first page. */
  find?: { path: string; page: (answer: unknown) => string | undefined };
  /** Description of the page. */
  shows: string;
}

const query = (path: string, values: Record<string, string>) => `${path}?${new URLSearchParams(values)}`;

/** The dashboards of `lab open`. */
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
    // The chart generates the ids: the dashboard is found by its name.
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
  // Only a path of the dashboard: a response from the cluster must not open another site.
  return typeof url === "string" && /^\/[^/\\]/.test(url) ? url : undefined;
}

/** A pod and one of its ports. */
interface Target {
  pod: { namespace: string; name: string };
  port: number;
}

/** A listener on 127.0.0.1 that forwards connections to a pod. */
export interface Forward {
  port: number;
  close(): void;
}

/** Options of {@link forward}. */
export interface ForwardOptions {
  /** Finds the pod; called again after a failed connection, because the pod may have been replaced. */
  target(): Promise<Target>;
  /** Called with the reason when a connection fails. */
  failed(reason: string): void;
}

/** Listens on a free port of 127.0.0.1, and forwards every connection through the API server to a pod. */
export async function forward(facts: LabFacts, { target, failed }: ForwardOptions): Promise<Forward> {
  const config = await kubeConfig(facts);
  const { PortForward } = await client();
  const tunnels = new PortForward(config);
  const sockets = new Set<Socket>();
  let known: Promise<Target> | undefined;
  const connect = async (socket: Socket) => {
    known ??= target();
    const { pod, port } = await known;
    const complaints = new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (chunk.length > 0) refuse(socket, `port ${port} of ${pod.name}: ${chunk.toString("utf8")}`);
        done();
      },
    });
    const tunnel = await tunnels.portForward(pod.namespace, pod.name, [port], socket, complaints, socket);
    if (typeof tunnel === "function") throw new Error("The port-forward restarts by itself, although that is disabled");
    tunnel.addEventListener("close", () => socket.end());
    socket.on("close", () => tunnel.close());
    // The browser may have closed the connection before the tunnel was open.
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
    // A browser opens another connection after an error.
    socket.on("error", () => socket.destroy());
    connect(socket).catch((error: unknown) => refuse(socket, messageOf(error)));
  });
  await once(server.listen({ port: 0, host: "127.0.0.1" }), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
