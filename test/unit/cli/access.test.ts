import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newEvidence, readEvidence } from "../../../cli/report/evidence";
import { renderHtml } from "../../../cli/report/html/page";
import { renderMarkdown } from "../../../cli/report/markdown";
import { run } from "../../../cli/run";
import type { Io } from "../../../cli/terminal/io";
import { evidenceFolder } from "../../support/evidence";
import { FakeCluster, type FakeEnd, type FakeRequest, meshObjects } from "../access/fake-cluster";
import { labFacts } from "../verify/fake/facts";
import { checkout, FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();

const address = ["--kubeconfig", "/cluster.yaml", "--context", "test"];
const yes = [...address, "--yes"];
const answered = (): FakeEnd => ({ status: 200, connection: { to: "appb-1" } });

function world(end: (request: FakeRequest) => FakeEnd = answered, given: Partial<Io> = {}) {
  const cluster = new FakeCluster(meshObjects(), end);
  const opened: string[] = [];
  const io = fakeIo({
    clock: cluster.clock,
    openCluster: async ({ kubeconfig, context }) => {
      opened.push(`${kubeconfig} ${context}`);
      return cluster;
    },
    ...given,
  });
  return { cluster, io, opened };
}

function questions(...lines: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), "prove-")), "q.yaml");
  writeFileSync(file, `questions:\n${lines.map((line) => `  - ${line}\n`).join("")}`);
  return file;
}
const allowed = "{ from: appa, to: { service: appb }, expect: allowed }";

describe("prove", () => {
  test("asks the cluster of the context that is named, and ends with the verdict's exit code", async () => {
    const { io, opened } = world();
    expect(await run(["prove", questions(allowed), ...yes], io)).toBe(0);
    expect(opened).toEqual(["/cluster.yaml test"]);
    expect(io.out()).toMatch(/✓ default\/appa -> GET appb[\s\S]*PASS {2}1 pass/);
    expect(io.out()).toContain("Next  npm run lab -- reach");
    expect(await run(["prove", questions(allowed.replace("allowed", "denied")), ...yes], world().io)).toBe(1);
    expect(await run(["prove", questions(allowed), ...yes], world(() => ({ status: 200 })).io)).toBe(3);
  });

  test("writes JSON and JUnit of the same report as verify", async () => {
    const { io } = world();
    const junit = join(mkdtempSync(join(tmpdir(), "prove-")), "report.xml");
    await run(["prove", questions(allowed), ...yes, "--json", "--junit", junit], io);
    expect(JSON.parse(io.out())).toMatchObject({ schema: "ambient-lab.verify/v1", verdict: "pass", cluster: "test" });
    expect(readFileSync(junit, "utf8")).toContain('<testsuite name="ambient-lab test"');
  });

  test("lists every request with --dry-run, and sends none", async () => {
    const { io, cluster } = world();
    expect(await run(["prove", questions(allowed, allowed), ...address, "--dry-run"], io)).toBe(0);
    expect(io.out().trim().split("\n")).toHaveLength(2);
    expect(io.out()).toContain("default/appa  GET appb.default.svc.cluster.local:8000/  to default/appb:8000");
    expect(cluster.created).toEqual([]);
  });

  test("sends none either when npm kept --dry-run for itself", async () => {
    const { cluster, io } = world();
    const env = { ...io.env, npm_config_dry_run: "true" };
    expect(await run(["prove", questions(allowed), ...yes], { ...io, env })).toBe(0);
    expect(cluster.created).toEqual([]);
  });

  test("asks for consent with the number of requests, and sends none without it", async () => {
    const asked: string[] = [];
    const confirm = async (question: string) => {
      asked.push(question);
      return false;
    };
    const { io, cluster } = world(answered, { confirm });
    expect(await run(["prove", questions(allowed), ...address], io)).toBe(2);
    expect(asked).toEqual(['Send 1 requests from 1 senders to the cluster of context "test"?']);
    expect(cluster.created).toEqual([]);
    const { io: withoutTerminal } = world();
    expect(await run(["prove", questions(allowed), ...address], withoutTerminal)).toBe(2);
    expect(withoutTerminal.err()).toContain("Add --yes");
  });

  test.each([
    [["--kubeconfig", "/cluster.yaml"], "--kubeconfig is given without --context"],
    [["--context", "test"], "--context is given without --kubeconfig"],
  ])("does not guess a cluster: %j", async (options, what) => {
    const { io, opened } = world();
    expect(await run(["prove", questions(allowed), ...options], io)).toBe(2);
    expect(io.err()).toContain(what);
    expect(opened).toEqual([]);
  });

  test("refuses more requests than the limit before it sends one", async () => {
    const { io, cluster } = world();
    const file = questions("{ from: appa, to: { service: appb }, expect: delayed by 2s in 50 % }");
    expect(await run(["prove", file, ...yes, "--max-requests", "10"], io)).toBe(2);
    expect(io.err()).toMatch(/\d+ requests would be sent, and the limit is 10/);
    expect(cluster.created).toEqual([]);
  });

  test("reports mistakes of a file before it contacts the cluster", async () => {
    const { io, opened } = world();
    expect(await run(["prove", questions("{ from: appa, to: {}, expect: perhaps }"), ...yes], io)).toBe(2);
    expect(io.err()).toMatch(/q\.yaml:2:\d+: questions\.0\.expect/);
    expect(opened).toEqual([]);
  });

  test("refuses a cluster without ztunnel", async () => {
    const { io, cluster } = world();
    cluster.objects.splice(
      0,
      cluster.objects.length,
      ...meshObjects().filter(({ metadata }) => metadata?.labels?.app !== "ztunnel"),
    );
    expect(await run(["prove", questions(allowed), ...yes], io)).toBe(2);
    expect(io.err()).toContain("has no ztunnel");
  });

  test("deletes the ended probe pods that a killed run has left, and no other", async () => {
    const { io, cluster } = world();
    const pod = (name: string, phase: string, minutes: number) => ({
      ...{ apiVersion: "v1", kind: "Pod", spec: {}, status: { phase } },
      metadata: {
        ...{
          name,
          namespace: "default",
          creationTimestamp: new Date(cluster.clock.now() - minutes * 60_000).toISOString(),
        },
        labels: { "app.kubernetes.io/managed-by": "ambient-lab", "ambient-lab.dev/probe-run": "1" },
      },
    });
    cluster.objects.push(pod("old", "Succeeded", 20), pod("new", "Succeeded", 1), pod("running", "Running", 20));
    await run(["prove", questions(allowed), ...yes, "--dry-run"], io);
    expect(cluster.deleted).toEqual(["default/old"]);
  });
});

describe("reach", () => {
  test("shows computed and observed decisions, and fails where they differ", async () => {
    const { io } = world();
    expect(await run(["reach", ...yes], io)).toBe(0);
    expect(io.out()).toMatch(/agree in \d+ of \d+ cells/);
    expect(io.out()).toContain("default/appb:8000");
    const refusing = world(({ pod }) =>
      pod.metadata?.labels?.["istio.io/dataplane-mode"] === "none"
        ? answered()
        : { status: 0, exit: 56, error: "reset", connection: { to: "appb-1", error: "http status: 401 Unauthorized" } },
    );
    expect(await run(["reach", ...yes], refusing.io)).toBe(1);
    expect(refusing.io.out()).toMatch(/differ in \d+ of \d+ cells/);
    expect(refusing.io.out()).toContain("✗ ztunnel ≠");
  });

  test("writes one page that says first where configuration and mesh differ", async () => {
    const page = join(mkdtempSync(join(tmpdir(), "reach-")), "matrix.html");
    const { io } = world(() => ({
      status: 0,
      exit: 56,
      connection: { to: "appb-1", error: "http status: 401 Unauthorized" },
    }));
    expect(await run(["reach", ...yes, "--page", page], io)).toBe(1);
    const text = readFileSync(page, "utf8");
    expect(text).toMatch(/<h1>Configuration and mesh differ in \d+ of \d+ cells<\/h1>/);
    expect(text.indexOf('id="differences"')).toBeLessThan(text.indexOf('id="matrix"'));
    expect(text).not.toMatch(/<script|https?:\/\/(?!appb)/);
    expect(io.err()).toContain("matrix.html");
  });

  test("says in which folder a page cannot be written", async () => {
    const { io } = world();
    expect(await run(["reach", ...yes, "--page", "/dev/null/matrix.html"], io)).toBe(2);
    expect(io.err()).toContain("npm run lab -- reach --page FILE");
  });

  test("keeps the whole matrix of a lab beside its newest evidence, for the report, and no part of one", async () => {
    const engine = new FakeEngine(["dev"]);
    const facts = labFacts();
    engine.stackOutputs = { ...facts, settings: { ...facts.settings, cluster: "existing" } };
    const settings = ["cluster: existing", "kubeconfig: /k", "context: test", "appImage: example/app:1"];
    const root = checkout({
      "Pulumi.dev.yaml": `config:\n${settings.map((each) => `  ambient-lab:${each}\n`).join("")}`,
    });
    const { cluster } = world();
    const io = fakeIo({ engine, root, clock: cluster.clock, openCluster: async () => cluster });
    const folder = await evidenceFolder({}, newEvidence("dev"));
    expect(await run(["reach", "appb", "--stack", "dev"], io), io.err()).toBe(0);
    expect(readEvidence(folder).reach).toBeUndefined();
    expect(await run(["reach", "--stack", "dev"], io)).toBe(0);
    expect(io.err()).toContain("reach.json");
    const { reach } = readEvidence(folder);
    expect(reach?.cells[0]).toMatchObject({ observed: { outcome: "allowed" }, status: 200 });
    expect(await renderHtml(readEvidence(folder))).toContain('<section id="matrix"');
    expect(renderMarkdown(readEvidence(folder))).toMatch(/## Who may reach what[\s\S]*\| default\/appa \| ✓/);
  });

  test("sends no request with --computed", async () => {
    const { io, cluster } = world();
    expect(await run(["reach", ...address, "--computed", "--json"], io)).toBe(0);
    expect(JSON.parse(io.out())).toMatchObject({ schema: "ambient-lab.reach/v1", context: "test" });
    expect(cluster.created).toEqual([]);
  });

  test.each([
    [["reach", "--namespace", "shop"], 'There is no namespace "shop"'],
    [["reach", "appz"], "There is no such Service"],
  ])("refuses %j", async (args, what) => {
    const { io } = world();
    expect(await run([...args, ...yes], io)).toBe(2);
    expect(io.err()).toContain(what);
  });
});
