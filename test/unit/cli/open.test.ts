import { mkdtempSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { dashboards, forward } from "../../../cli/commands/open";
import { run } from "../../../cli/run";
import { objects } from "../../../experiments/objects";
import { evidenceFolder } from "../../support/evidence";
import { apiServer, type Channel } from "../verify/fake/api-server";
import { labFacts } from "../verify/fake/facts";
import { FakeEngine, fakeIo, ownLabHome } from "./world";

const home = ownLabHome();

function engineWith(addons: readonly string[]): FakeEngine {
  const engine = new FakeEngine(["dev"]);
  const { settings, url, kubeconfig, context, versions } = labFacts();
  engine.stackOutputs = { url, kubeconfig, context, versions, settings: { ...settings, addons, cluster: "kind" } };
  return engine;
}

/** Facts whose API server answers every port-forward by `open`. */
async function factsAt(open: (channel: Channel) => void) {
  const server = await apiServer(
    (_request, response) => response.writeHead(404).end("{}"),
    (_url, channel) => {
      const port = Buffer.from([80, 0]);
      channel.send(0, port);
      channel.send(1, port);
      open(channel);
    },
  );
  const kubeconfig = join(mkdtempSync(join(tmpdir(), "lab-forward-")), "kubeconfig");
  const contexts = [{ name: "kind-ambient-lab-dev", context: { cluster: "c", user: "u" } }];
  const clusters = [{ name: "c", cluster: { server: server.url, "insecure-skip-tls-verify": true } }];
  writeFileSync(kubeconfig, JSON.stringify({ clusters, users: [{ name: "u", user: {} }], contexts }));
  return { facts: { ...labFacts(), kubeconfig }, close: server.close };
}

const pod = { namespace: "istio-system", name: "kiali-1" };
const ask = (port: number) =>
  new Promise<string>((done, fail) =>
    get({ host: "127.0.0.1", port, path: "/", agent: false }, (answer) => {
      answer.setEncoding("utf8");
      answer.on("data", done);
    }).on("error", fail),
  );

describe("forward()", () => {
  test("leads a connection to 127.0.0.1 to the pod, and the answer back", async () => {
    const { facts, close } = await factsAt((channel) =>
      channel.onData((stream) => {
        if (stream === 0) channel.send(0, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nkiali");
      }),
    );
    const lead = await forward(facts, { target: async () => ({ pod, port: 80 }), failed: () => undefined });
    expect(await ask(lead.port)).toBe("kiali");
    lead.close();
    await close();
  });

  test("says why a port cannot be reached, and looks for the pod again", async () => {
    const { facts, close } = await factsAt((channel) => channel.send(1, "connection refused"));
    const reasons: string[] = [];
    let looks = 0;
    const target = async () => {
      looks += 1;
      return { pod, port: 80 };
    };
    const lead = await forward(facts, { target, failed: (reason) => reasons.push(reason) });
    await expect(ask(lead.port)).rejects.toThrow();
    await expect(ask(lead.port)).rejects.toThrow();
    expect(reasons).toEqual(Array(2).fill("port 80 of kiali-1: connection refused"));
    expect(looks).toBe(2);
    lead.close();
    await close();
  });
});

describe("dashboards", () => {
  test("begin with what the lab is about", () => {
    const kiali = new URL(dashboards.kiali.page, "http://127.0.0.1");
    expect(Object.fromEntries(kiali.searchParams)).toMatchObject({ namespaces: "default", animation: "true" });
    expect(kiali.searchParams.get("traffic")?.split(",")).toContain("ambient");
    for (const { service } of Object.values(dashboards)) expect(objects).toHaveProperty([service]);
  });

  test("take a better page from the dashboard itself, but never another host", () => {
    const page = dashboards.grafana.find?.page;
    expect(page?.([{ url: "/d/abc/istio-ztunnel-dashboard" }])).toBe("/d/abc/istio-ztunnel-dashboard");
    expect(page?.([{ url: "//evil.example/x" }])).toBeUndefined();
    expect(page?.([{ url: "@evil.example" }])).toBeUndefined();
    expect(page?.({})).toBeUndefined();
  });
});

describe("lab open", () => {
  test("says how to get an addon that the stack does not have", async () => {
    const io = fakeIo({ engine: engineWith(["prometheus"]) });
    expect(await run(["open", "kiali"], io)).toBe(2);
    expect(io.err()).toMatch(/What {2}Lab "dev" has no kiali[\s\S]*--config 'addons=\[prometheus, kiali\]'/);
  });

  test("refuses what it does not know", async () => {
    const io = fakeIo();
    expect(await run(["open", "zipkin"], io)).toBe(2);
    expect(io.err()).toContain("kiali, grafana, jaeger, prometheus, report");
  });

  test("opens the newest report, in the browser unless told otherwise", async () => {
    const opened: string[] = [];
    const openBrowser = async (url: string) => void opened.push(url);
    const folder = join(home, "evidence", "dev", "2026");
    await evidenceFolder({}, folder);
    const io = fakeIo({ openBrowser });
    expect(await run(["open", "report"], io)).toBe(0);
    expect(opened).toEqual([`file://${join(folder, "report.html")}`]);
    expect(await run(["open", "report", "--no-browser"], fakeIo({ openBrowser }))).toBe(0);
    expect(opened).toHaveLength(1);
  });
});
