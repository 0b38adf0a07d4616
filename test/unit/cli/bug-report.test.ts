import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clusterLines } from "../../../cli/bug-report";
import { run } from "../../../cli/run";
import { apiServer } from "../verify/fake/api-server";
import { checkout, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

const home = ownLabHome();
const path = "ambientlab:mesh:Policies$kubernetes:security.istio.io/v1:AuthorizationPolicy::appb-l7";

function failing(stack: string) {
  const engine = new FakeEngine([stack]);
  engine.steps = [{ op: "create", path, fails: "webhook said no to http://ann:s3cret@proxy.corp" }];
  return engine;
}

describe("a failed up", () => {
  test("ends with the one thing to do next and a folder for a bug report", async () => {
    const root = checkout({
      "Pulumi.dev.yaml":
        "encryptionsalt: v1:abc\nconfig:\n  ambient-lab:workers: 1\n  other:key:\n    secure: v1:xyz\n",
    });
    const exec = fakeExec({
      ...fitMachine,
      "docker ps --all --filter label=io.x-k8s.kind.cluster=ambient-lab-dev --format {{.Names}}  {{.Status}}":
        "ambient-lab-dev-worker  Exited (1)  kindest/node",
    });
    const io = fakeIo({ root, engine: failing("dev"), exec });
    expect(await run(["up", "--yes"], io)).toBe(1);
    const [, folder = ""] =
      / {4}Fix {3}[^\n]*npm run up -- --stack dev.*\n {4}Kept {2}(\S+) {3}.*\n$/.exec(io.err()) ?? [];
    expect(folder.startsWith(join(home, "failures", "dev"))).toBe(true);
    expect(readdirSync(folder).sort()).toEqual([
      ...["cluster.txt", "machine.json", "problem.txt", "progress.txt", "settings.yaml"],
    ]);
    const text = (name: string) => readFileSync(join(folder, name), "utf8");
    expect(text("problem.txt")).toMatch(/webhook said no[\s\S]*Caused by: Error: code: -2/);
    expect(text("progress.txt")).toMatch(/✗ appb-l7 {2}AuthorizationPolicy failed/);
    expect(text("settings.yaml")).toContain("ambient-lab:workers: 1");
    expect(text("cluster.txt")).toContain("ambient-lab-dev-worker  Exited (1)");
    expect(JSON.parse(text("machine.json"))).toMatchObject({
      findings: expect.any(Array),
      node: process.versions.node,
    });
    for (const name of readdirSync(folder)) {
      expect(text(name)).not.toMatch(/s3cret|v1:abc|v1:xyz/);
      expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    }
  });

  test("keeps nothing of a mistake in the configuration, or of an end by Ctrl-C", async () => {
    const ended = fakeIo({ engine: failing("ended"), signal: AbortSignal.abort() });
    expect(await run(["up", "--yes", "--stack", "ended"], ended)).toBe(1);
    const wrong = fakeIo({ root: checkout({ "Pulumi.wrong.yaml": "config:\n  ambient-lab:workers: 99\n" }) });
    expect(await run(["up", "--yes", "--stack", "wrong"], wrong)).toBe(2);
    expect([ended, wrong].map((io) => io.err().includes("Kept"))).toEqual([false, false]);
    expect(existsSync(join(home, "failures", "ended"))).toBe(false);
  });

  test("still reports the problem when no file can be written", async () => {
    mkdirSync(join(home, "failures"), { recursive: true });
    writeFileSync(join(home, "failures", "full"), "a file where a folder should be");
    const io = fakeIo({ engine: failing("full") });
    expect(await run(["up", "--yes", "--stack", "full"], io)).toBe(1);
    expect(io.err()).toMatch(/What {2}AuthorizationPolicy[\s\S]*Kept {2}nothing, for a bug report: E\w+/);
  });
});

describe("clusterLines()", () => {
  async function linesOf(answers: Record<string, unknown>): Promise<string> {
    const server = await apiServer(
      (request, response) => {
        const answer = answers[(request.url ?? "").split("?")[0] ?? ""];
        response.writeHead(answer ? 200 : 403).end(JSON.stringify(answer ?? { message: "forbidden" }));
      },
      () => undefined,
    );
    const kubeconfig = join(mkdtempSync(join(tmpdir(), "lab-cluster-")), "kubeconfig");
    const clusters = [{ name: "c", cluster: { server: server.url, "insecure-skip-tls-verify": true } }];
    const contexts = [{ name: "lab", context: { cluster: "c", user: "u" } }];
    writeFileSync(kubeconfig, JSON.stringify({ clusters, users: [{ name: "u", user: {} }], contexts }));
    const lines = await clusterLines({ kubeconfig, context: "lab" }, new AbortController().signal);
    await server.close();
    return lines.join("\n");
  }

  test("lists every pod and the warnings, the newest last", async () => {
    const state = { waiting: { reason: "ImagePullBackOff", message: "toomanyrequests" } };
    const containerStatuses = [{ name: "app", ready: false, restartCount: 3, state }];
    const pod = { metadata: { namespace: "default", name: "appa-1" }, status: { phase: "Pending", containerStatuses } };
    const event = (name: string, lastTimestamp: string) => ({
      ...{ lastTimestamp, reason: "Failed", message: "no", count: 2 },
      involvedObject: { namespace: "default", kind: "Pod", name },
    });
    const text = await linesOf({
      "/api/v1/pods": { items: [pod] },
      "/api/v1/events": { items: [event("b", "2026-11-24T10:00:01Z"), event("a", "2026-11-24T10:00:00Z")] },
    });
    expect(text).toContain("default/appa-1  Pending  app waiting (ImagePullBackOff: toomanyrequests), restarts 3");
    expect(text).toMatch(/Pod\/a {2}Failed: no \(2 times\)\n.*Pod\/b/);
  });

  test("reports a cluster that refuses, and one that was never created", async () => {
    expect(await linesOf({})).toBe("The cluster does not answer: GET /api/v1/pods: 403 forbidden");
    expect(await clusterLines({ kubeconfig: "/none", context: "c" }, new AbortController().signal)).toEqual([
      "There is no kubeconfig at /none: no cluster was made",
    ]);
  });
});
