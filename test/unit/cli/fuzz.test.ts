import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { parseQuestions } from "../../../access/questions/parse";
import { parseSums } from "../../../artifacts/bundle-folder";
import { fetchArtifacts } from "../../../artifacts/fetch";
import { readPrivateCa } from "../../../artifacts/private-ca";
import { parseUrn } from "../../../cli/engine/urn";
import { findOrphans } from "../../../cli/recovery/plugins";
import { run } from "../../../cli/run";
import { memoryOf, nodesOf } from "../../../cli/stack/nodes";
import { readConfig, settingsFile } from "../../../cli/stack/settings";
import { installTool } from "../../../cli/toolchain/install";
import { tools } from "../../../cli/toolchain/tools";
import { imagesOf } from "../../../config/image-names";
import { parseConfig } from "../../../config/load";
import { configKeys } from "../../../config/schema";
import { artifacts } from "../../../config/versions";
import { lookAtCluster } from "../../../host/cluster-state";
import { readNetworks, readSubnets } from "../../../host/docker-networks";
import { formatProblem, LabError, parseProblems } from "../../../host/errors";
import { portsOfOthers } from "../../../host/ports";
import { readRoutes } from "../../../host/subnets";
import { writeWhole } from "../../../host/write-file";
import { readDocker } from "../../../preflight/docker-facts";
import { toolVersion } from "../../../preflight/host";
import { damaged, distorted, holds, holdsLater, isWhole, printCounts, timeout } from "../../support/fuzz";
import { packedRelease } from "../../support/pulumi-release";
import { checkout, dockerInfo, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

ownLabHome();
afterAll(printCounts);

/** A configuration takes milliseconds, and so does an answer of a program. */
const asConfiguration = 7;
const asProgram = 4;

describe("damaged texts", { timeout }, () => {
  test("of a SHA256SUMS: a path has a digest of 64 digits", () => {
    holds("sum file", damaged(`${"ab".repeat(32)}  charts/base.tgz\n${"cd".repeat(32)} *./images/x.tar\n`), (text) => {
      for (const [path, digest] of parseSums(text)) {
        expect(path).not.toBe("");
        expect(digest).toMatch(/^[0-9a-f]{64}$/);
      }
    });
  });

  test("of a settings file: a configuration, or a problem with What, Why and Fix", () => {
    const root = checkout();
    const text =
      "encryptionsalt: v1:abc=\nconfig:\n  ambient-lab:workers: 2\n  ambient-lab:allowedCallers: [appa, gateway]\n  ambient-lab:faultDelay: 2s\n";
    const read = (damage: string) => {
      writeWhole(settingsFile(root, "dev"), damage);
      resultOrProblem(() => readConfig(root, "dev"));
    };
    holds("settings (YAML)", damaged(text), read, asConfiguration);
  });

  test("of a file of questions: questions, or a problem with What, Why and Fix", () => {
    const text = readFileSync(join(__dirname, "../../../examples/shop/questions.yaml"), "utf8");
    holds("questions (YAML)", damaged(text), (damage) => resultOrProblem(() => parseQuestions("q.yaml", damage)), 2);
  });

  test("of a URN: its name is a part of it", () => {
    const urn = "urn:pulumi:dev::ambient-lab::ambientlab:apps:DemoApps$kubernetes:core/v1:Service::apps-appb";
    holds("URN", damaged(urn), (text) => {
      expect(text).toContain(parseUrn(text).name);
    });
  });

  test("of a problem that passed through the engine: three texts, each of lines of the text", () => {
    const problem = formatProblem({
      what: "Docker does not answer",
      why: "Every node\nis a container",
      fix: "Start Docker",
    });
    holds("problem of a script", damaged(`exit status 1:${problem}`, problem.replace(/^ {4}/gm, "")), (text) => {
      for (const { what, why, fix } of parseProblems(text))
        for (const line of [what, why, fix].join("\n").split("\n")) expect(text).toContain(line);
    });
  });

  test("of /proc/net/route: a route has a subnet of IPv4", () => {
    const table =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\neth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    holds("routes of the kernel", damaged(table), (text) => {
      for (const { subnet } of readRoutes(text))
        expect(subnet).toMatch(/^(\d{1,3}\.){3}\d{1,3}\/([0-9]|[12]\d|3[0-2])$/);
    });
  });

  test("of a manifest: an image is a word of it", () => {
    const manifest =
      'apiVersion: apps/v1\nkind: DaemonSet\nspec:\n  template:\n    spec:\n      containers:\n        - name: speaker\n          image: "quay.io/metallb/speaker:v0.16.2"\n';
    holds("images of a manifest", damaged(manifest), (text) => {
      for (const image of imagesOf(text)) expect(text.includes(image) && !/\s/.test(image)).toBe(true);
    });
  });

  test("of a certificate: a CA, or a problem with What, Why and Fix", () => {
    const file = join(mkdtempSync(join(tmpdir(), "lab-fuzz-")), "ca.pem");
    const [pem = expect.fail("no certificate")] = rootCertificates;
    holds(
      "certificate (PEM)",
      damaged(pem),
      (text) => {
        writeFileSync(file, text);
        resultOrProblem(() => readPrivateCa(file));
      },
      asConfiguration,
    );
  });
});

describe("damaged answers of programs", { timeout }, () => {
  const answers = (all: Record<string, string>) =>
    fc.record(Object.fromEntries(Object.entries(all).map(([key, text]) => [key, damaged(text)])));

  test("of docker: networks, nodes, ports and memory, or none", async () => {
    const docker = {
      "docker network ls": "id-1\tambient-lab-dev\tdev\talice@laptop file:///home/alice\nid-2\tbridge\t\t",
      "docker network inspect": "ambient-lab-dev 172.30.0.0/16 \nbridge 172.17.0.0/16 fd00::/64 ",
      "docker ps --all --filter":
        "running ambient-lab-dev 0a1b 127.0.0.1:20080->30080/tcp, 127.0.0.1:10080->30443/tcp\nrunning ambient-lab-dev 2c3d ",
      "docker ps --all --filter label=io.x-k8s.kind.cluster=ambient-lab-dev --format {{.Names}}":
        "ambient-lab-dev-control-plane running\nambient-lab-dev-worker exited",
      "docker ps --all --filter label=io.x-k8s.kind.cluster --format {{.ID}}": "0a1b\n2c3d",
      "docker inspect": "ambient-lab-bob 41000 20080\nambient-lab-bob ",
      "docker stats": "ambient-lab-dev-worker 900MiB / 7.6GiB\nambient-lab-dev-control-plane 1.2GiB / 7.6GiB",
    };
    await holdsLater(
      "docker: ls, ps, inspect, stats",
      answers(docker),
      async (said) => {
        const exec = fakeExec(said);
        for (const { id, name } of await readNetworks(exec)) expect(id !== "" && name !== "").toBe(true);
        for (const { name } of await readSubnets(exec, ["bridge"])) expect(name).not.toBe("");
        const { state, published } = await lookAtCluster("dev", exec);
        expect(["absent", "running", "stopped", "paused", "foreign"]).toContain(state);
        expect(published.every(isWhole)).toBe(true);
        for (const node of await nodesOf("dev", exec)) expect(node.name !== "" && node.state !== "").toBe(true);
        for (const [port, cluster] of await portsOfOthers("ambient-lab-dev", exec)) {
          expect([isWhole(port), cluster !== ""]).toEqual([true, true]);
        }
        for (const [, bytes] of await memoryOf(["a"], exec)) expect(isWhole(bytes)).toBe(true);
      },
      asProgram,
    );
  });

  test("of docker info and version: facts, or none", async () => {
    const version = { Client: { Version: "28.0.0", ApiVersion: "1.48" }, Server: { Version: "28.0.0" } };
    const said = fc.record({
      info: fc.oneof(
        distorted(dockerInfo).map((each) => JSON.stringify(each)),
        damaged(JSON.stringify(dockerInfo)),
      ),
      version: fc.oneof(
        distorted(version).map((each) => JSON.stringify(each)),
        damaged(JSON.stringify(version)),
      ),
      context: damaged("unix:///var/run/docker.sock\n"),
    });
    await holdsLater(
      "docker: info, version, context",
      said,
      async ({ info, version, context }) => {
        const exec = fakeExec({ "docker info": info, "docker version": version, "docker context": context });
        const facts = await readDocker(exec, { HOME: "/nowhere" });
        const { info: read, code } = facts;
        if (read === undefined) expect(code).not.toBe(0);
        else expect(read.serverVersion).not.toBe("");
        for (const count of [read?.cpus ?? 0, read?.memoryBytes ?? 0]) expect(Number.isFinite(count)).toBe(true);
      },
      asProgram,
    );
  });

  test("of docker, for list: a table, or a problem", async () => {
    const rows = [
      [
        "ambient-lab-alice",
        "ambient-lab-alice-worker",
        "running",
        "kindest/node:v1.36.1@sha256:ab",
        "2026-11-23 09:00:00 +0000 UTC",
      ],
      [
        "ambient-lab-bob",
        "ambient-lab-bob-control-plane",
        "exited",
        "kindest/node:v1.34.2-x",
        "2026-11-20 12:00:00 +0000 UTC",
      ],
    ].map((row) => row.join("\t"));
    const root = checkout();
    await holdsLater(
      "docker: nodes of list",
      damaged(rows.join("\n")),
      async (text) => {
        const exec = fakeExec({ ...fitMachine, "docker ps": text });
        const io = fakeIo({ root, exec, engine: new FakeEngine(["alice", "bob"]) });
        expect(await run(["list", "--json"], io), io.err()).toBe(0);
        for (const { madeAt } of JSON.parse(io.out()) as { madeAt?: string }[])
          if (madeAt !== undefined) expect(Date.parse(madeAt)).not.toBeNaN();
      },
      20,
    );
  });

  test("of kind and ps: a version and processes, or none", async () => {
    const table =
      "    1     0 /sbin/init\n   60     1 /root/.pulumi/plugins/x/pulumi-resource-command 127.0.0.1:2\n   61    60 kind create cluster --name ambient-lab-dev --image x\n";
    const said = answers({ "kind version": "kind v0.33.0 go1.26.1 linux/amd64", "ps -axo": table });
    await holdsLater(
      "kind: version; ps: processes",
      said,
      async (all) => {
        const exec = fakeExec(all);
        const version = await toolVersion("kind", exec);
        if (version !== undefined) expect(all["kind version"]).toContain(version);
        for (const { pid, program } of await findOrphans(exec, "ambient-lab-dev"))
          expect([isWhole(pid), program]).toEqual([true, expect.stringMatching(/^(kind$|pulumi-resource-)/)]);
      },
      asProgram,
    );
  });
});

describe("damaged files of others", { timeout }, () => {
  const bytesOf = (seed: Buffer) =>
    fc
      .tuple(fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 8 }), fc.option(fc.nat(seed.length)))
      .map(([changes, length]) => {
        const copy = Buffer.from(seed);
        for (const [at, value] of changes) copy[at] = value;
        return copy.subarray(0, length ?? seed.length);
      });

  test("of the index of charts and the list of sums: charts, or a problem with What, Why and Fix", async () => {
    const chart = artifacts.find(({ kind }) => kind === "chart") ?? expect.fail("no chart");
    const bill = [chart];
    const packed = Buffer.from([0x1f, 0x8b, 8, 0]);
    const digest = createHash("sha256").update(packed).digest("hex");
    const { name, version } = chart;
    const index = `apiVersion: v1\nentries:\n  ${name}:\n  - version: ${version}\n    digest: ${digest}\n    urls:\n    - ${name}-${version}.tgz\n`;
    await holdsLater(
      "index of charts (YAML)",
      damaged(index),
      async (text) => {
        ownLabHome();
        const fetch = async (address: string) => (address.endsWith("/index.yaml") ? Buffer.from(text) : packed);
        await laterResultOrProblem(() => fetchArtifacts({ bill, fetch }));
      },
      10,
    );
    await holdsLater(
      "packed chart",
      bytesOf(packed),
      async (bytes) => {
        ownLabHome();
        const fetch = async (address: string) => (address.endsWith("/index.yaml") ? Buffer.from(index) : bytes);
        const same = bytes.equals(packed);
        const outcome = await laterResultOrProblem(() => fetchArtifacts({ bill, fetch }));
        expect(outcome).toBe(same ? "result" : "problem");
      },
      10,
    );
  });

  test("of a release of Pulumi: its programs, or a problem with What, Why and Fix", async () => {
    const [pulumi = expect.fail("no tool")] = tools;
    const archive = await packedRelease({ pulumi: "a program", "pulumi-language-nodejs": "another" });
    const system = { platform: "linux", arch: "x64" } as const;
    await holdsLater(
      "release archive (tar.gz)",
      bytesOf(archive),
      async (bytes) => {
        ownLabHome();
        // A mirror promises whatever it has: its archive may be damaged, or another program altogether.
        const sums = `${createHash("sha256").update(bytes).digest("hex")}  ${pulumi.release(system).file}\n`;
        const fetcher = async (address: string) => (address.endsWith("checksums.txt") ? Buffer.from(sums) : bytes);
        await laterResultOrProblem(() =>
          installTool(pulumi, {
            fetcher,
            system,
            source: "https://mirror.test",
          }),
        );
      },
      20,
    );
  });
});

test("a damaged configuration is a configuration, or a problem with What, Why and Fix", { timeout }, () => {
  const key = fc.oneof(fc.constantFrom(...configKeys), fc.string());
  const value = fc.oneof(fc.jsonValue(), fc.string(), fc.constantFrom("[", "true", "1e9", "2s", "null"));
  const raw = fc.dictionary(key, value, { maxKeys: 6 });
  holds("configuration", raw, (each) => resultOrProblem(() => parseConfig(each)), asConfiguration);
});

function resultOrProblem(read: () => unknown): void {
  try {
    expect(read()).toBeDefined();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(LabError);
  }
}

async function laterResultOrProblem(read: () => Promise<unknown>): Promise<"result" | "problem"> {
  try {
    expect(await read()).toBeDefined();
    return "result";
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(LabError);
    return "problem";
  }
}
