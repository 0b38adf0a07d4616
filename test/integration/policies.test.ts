import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import { AnalyzerResource, AnalyzerResourceOptions, AnalyzeStackRequest } from "@pulumi/pulumi/proto/analyzer_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(__dirname, "..", "..");
const runner = join(root, "node_modules", "@pulumi", "pulumi", "cmd", "run-policy-pack");

/** The pack in a process of its own, started and asked the way the engine's plugin "pulumi-analyzer-policy" does. */
describe("the policy pack as a plugin", () => {
  let pack: ChildProcess;
  let client: AnalyzerClient;

  beforeAll(async () => {
    const folder = join(root, "policies");
    pack = spawn(process.execPath, [runner, "127.0.0.1:0", folder], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (!pack.stdout) throw new Error("The pack has no stdout");
    const [port] = await once(pack.stdout, "data");
    client = new AnalyzerClient(`127.0.0.1:${String(port).trim()}`, credentials.createInsecure());
  });
  afterAll(() => {
    client?.close();
    pack?.kill();
  });

  test("lists its policies", async () => {
    const info = await new Promise<string[]>((done, fail) =>
      client.getAnalyzerInfo(new Empty(), (error, answer) =>
        error ? fail(error) : done(answer.getPoliciesList().map((policy) => policy.getName())),
      ),
    );
    expect(info).toEqual([
      ...["pinned-images", "pods-are-confined", "layer-7-by-target", "waypoint-only"],
      ...["enforced-at-waypoint", "addresses-of-the-pool"],
    ]);
  });

  test("reports a Service whose waypoint clients can bypass", async () => {
    const service = new AnalyzerResource();
    service.setType("kubernetes:core/v1:Service");
    service.setName("appb");
    service.setOptions(new AnalyzerResourceOptions());
    service.setUrn("urn:pulumi:dev::ambient-lab::kubernetes:core/v1:Service::appb");
    const metadata = { name: "appb", labels: { "istio.io/use-waypoint": "waypoint" } };
    service.setProperties(
      Struct.fromJavaScript({ apiVersion: "v1", kind: "Service", metadata, spec: { selector: { app: "appb" } } }),
    );
    const request = new AnalyzeStackRequest();
    request.setResourcesList([service]);
    const found = await new Promise<string[]>((done, fail) =>
      client.analyzeStack(request, (error, answer) =>
        error
          ? fail(error)
          : done(answer.getDiagnosticsList().map((each) => `${each.getPolicyname()}: ${each.getMessage()}`)),
      ),
    );
    expect(found).toEqual([expect.stringMatching(/^waypoint-only: [\s\S]*Service\/appb sends its callers/)]);
  });
});
