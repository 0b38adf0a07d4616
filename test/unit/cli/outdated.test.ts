import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fetcher } from "../../../artifacts/download";
import type { PinState } from "../../../cli/commands/outdated";
import { run } from "../../../cli/run";
import { istioMinors, nodeImage, versions } from "../../../config/versions";
import { startServer, type TestServer } from "../../support/server";
import { fakeIo, ownLabHome } from "./world";

let server: TestServer;
beforeEach(async () => {
  ownLabHome();
  server = await startServer();
});
afterEach(() => server.close());

const has = (address: string, body: string) => void server.answers.set(address, { body });

/**
 * The list of a Go module proxy: a version a line, with pseudo-versions and prereleases among them
 * (golang/go 1.26, src/cmd/go/internal/modfetch/proxy.go, proxyRepo.Versions; go.dev/ref/mod#goproxy-protocol).
 */
function moduleHas(module: string, tags: readonly string[], proxy = "proxy.golang.org"): void {
  const noise = ["v1.31.0-rc.0.0.20260824154656-b943409680a7", "v9.0.0-rc.1"];
  has(`${proxy}/${module}/@v/list`, [...noise, ...tags].map((tag) => `${tag}\n`).join(""));
}

/** GitHub's releases as its REST API gives them (github/rest-api-description, schema "release"). */
function repositoryHas(repository: string, releases: readonly object[]): void {
  const body = releases.map((release) => ({ draft: false, prerelease: false, name: "", assets: [], ...release }));
  has(`api.github.com/repos/${repository}/releases?per_page=100`, JSON.stringify(body));
}

const raw = "raw.githubusercontent.com";
const tagged = (version: string) => `v${version.replace(/^v/, "")}`;
const newest = istioMinors.map((row) => row.newest);

/** istio/istio.io, data/compatibility/supportStatus.yml at 8892748a: the fields of a row. */
const supportRow = (version: string, supported: string, kubernetes: readonly string[]) =>
  [
    `- version: "${version}"`,
    `  supported: "${supported}"`,
    '  releaseDate: "May 13, 2024"',
    '  eolDate: "~Jan 2025 (Expected)"',
    `  k8sVersions: [${kubernetes.map((each) => `"${each}"`).join(", ")}]`,
    '  testedK8sVersions: ["1.23", "1.24"]',
  ].join("\n");
const kubernetesOf: Record<string, string[]> = {
  "1.30": ["1.32", "1.33", "1.34", "1.35", "1.36"],
  "1.31": ["1.32", "1.33", "1.34", "1.35", "1.36", "1.37"],
  "1.32": ["1.32", "1.33", "1.34", "1.35", "1.36", "1.37"],
};
const supportFile = `${raw}/istio/istio.io/master/data/compatibility/supportStatus.yml`;
const supportTable = (...rows: string[]) => has(supportFile, `# Ordered descending by version.\n${rows.join("\n")}\n`);

/** sigs.k8s.io/kind v0.33.0, pkg/apis/config/defaults/image.go. */
const imageFile = (kind: string) => `${raw}/kubernetes-sigs/kind/${kind}/pkg/apis/config/defaults/image.go`;
const imageSource = (image: string) => `package defaults\n\n// Image is the default.\nconst Image = "${image}"\n`;

/** Everything upstream as the lab pins it. */
function nothingNewer(): void {
  moduleHas("istio.io/api", newest.map(tagged));
  moduleHas("go.universe.tf/metallb", ["v0.11.0", versions.metallb]);
  moduleHas("sigs.k8s.io/kind", ["v0.9.0", versions.kind]);
  moduleHas("github.com/pulumi/pulumi/sdk/v3", [tagged(versions.pulumi)]);
  moduleHas("github.com/mccutchen/go-httpbin/v2", [versions.httpbin]);
  moduleHas("github.com/tsenart/vegeta/v12", [versions.vegeta]);
  moduleHas("github.com/distribution/distribution/v3", [tagged(versions.registry)]);
  supportTable(
    supportRow("master", "No, development only", ["1.37"]),
    ...istioMinors.map(({ minor }) => supportRow(minor, "Yes", kubernetesOf[minor] ?? [])),
  );
  // istio/istio 1.31.0, go.mod.
  for (const row of istioMinors) {
    const more = "\tsigs.k8s.io/gateway-api-inference-extension v1.5.0\n\tsigs.k8s.io/gateway-api/conformance v1.6.0\n";
    has(
      `${raw}/istio/istio/${row.newest}/go.mod`,
      `require (\n\tsigs.k8s.io/gateway-api ${row.gatewayApi}\n${more})\n`,
    );
  }
  has(imageFile(versions.kind), imageSource(nodeImage));
}

/** Runs the command; every host of the web is a folder of the test server. */
async function outdated(env: Record<string, string> = {}) {
  const io = fakeIo({
    env,
    fetcher: (address, ...more) => fetcher(address.replace(/^https:\//, server.url), ...more),
  });
  const code = await run(["outdated", "--json"], io);
  const states = JSON.parse(io.out()) as PinState[];
  const of = (state: PinState["state"]) => states.filter((each) => each.state === state).map(({ name }) => name);
  return { code, states, outdated: of("outdated"), unknown: of("unknown") };
}

describe("outdated", () => {
  test("says 0 when upstream has nothing newer, whatever prereleases it has", async () => {
    nothingNewer();
    const { code, outdated: found, unknown } = await outdated();
    expect({ code, found, unknown }).toEqual({ code: 0, found: [], unknown: [] });
    expect(server.asked.filter((path) => path.includes("istio.io/api"))).toHaveLength(1);
  });

  test("says 1 for newer patches, minors, images and other supported versions", async () => {
    nothingNewer();
    moduleHas("istio.io/api", [...newest.map(tagged), "v1.31.10", "v1.31.9", "v1.33.0", "v1.33.1"]);
    moduleHas("sigs.k8s.io/kind", [versions.kind, "v0.40.0"]);
    has(imageFile("v0.40.0"), imageSource("kindest/node:v1.40.0@sha256:1"));
    has(`${raw}/istio/istio/1.31.10/go.mod`, "require (\n\tsigs.k8s.io/gateway-api v1.6.9 // indirect\n)\n");
    supportTable(
      supportRow("1.32", "Yes", [...(kubernetesOf["1.32"] ?? []), "1.38"]),
      supportRow("1.31", "Yes", kubernetesOf["1.31"] ?? []),
      supportRow("1.30", "No", kubernetesOf["1.30"] ?? []),
    );
    const { code, states, unknown } = await outdated();
    expect({ code, unknown }).toEqual({ code: 1, unknown: [] });
    const found = states.filter(({ state }) => state === "outdated");
    expect(Object.fromEntries(found.map(({ name, upstream }) => [name, upstream]))).toEqual({
      "Istio 1.31": "1.31.10",
      "Istio 1.33": "1.33.1",
      "Istio 1.30: support": "ended",
      "Istio 1.32: Kubernetes": "1.32 1.33 1.34 1.35 1.36 1.37 1.38",
      "Istio 1.31: Gateway API": "v1.6.9",
      kind: "v0.40.0",
      "node image": "kindest/node:v1.40.0@sha256:1",
    });
  });

  test("uses GitHub for releases without a Go module, and ignores drafts and prereleases", async () => {
    nothingNewer();
    server.answers.delete("proxy.golang.org/go.universe.tf/metallb/@v/list");
    repositoryHas("metallb/metallb", [
      { tag_name: "v0.99.0", draft: true },
      { tag_name: "v0.98.0", prerelease: true },
      { tag_name: "metallb-chart-0.97.0" },
      { tag_name: "v0.96.0" },
    ]);
    const { code, states } = await outdated();
    expect(code).toBe(1);
    expect(states.find(({ name }) => name === "MetalLB")).toMatchObject({ upstream: "v0.96.0", state: "outdated" });
  });

  test("asks the proxies of GOPROXY in turn, and none when it is off", async () => {
    nothingNewer();
    moduleHas("sigs.k8s.io/kind", ["v0.50.0"], "go.corp");
    const { states } = await outdated({
      GOPROXY: "https://dead.corp|https://go.corp/,https://proxy.golang.org,direct",
    });
    expect(states.find(({ name }) => name === "kind")).toMatchObject({ upstream: "v0.50.0" });
    server.asked.length = 0;
    await outdated({ GOPROXY: "off" });
    expect(server.asked.filter((path) => path.endsWith("@v/list"))).toEqual([]);
  });

  test("says 3 when upstream does not answer or answers something else, with the reason, and never current", async () => {
    repositoryHas("kubernetes-sigs/kind", [{ tag_name: versions.kind }]);
    has(imageFile(versions.kind), "package defaults\n");
    has(supportFile, "<html>Log in</html>");
    has("api.github.com/repos/metallb/metallb/releases?per_page=100", "<html>Log in</html>");
    const { code, states, outdated: found } = await outdated();
    expect({ code, found }).toEqual({ code: 3, found: [] });
    expect(states.filter(({ state }) => state === "current").map(({ name }) => name)).toEqual(["kind"]);
    for (const { name, state, note } of states) if (state === "unknown") expect(note, name).toBeTruthy();
    expect(states.find(({ name }) => name === "Pulumi")?.note).toContain("HTTP 404");
  });

  test("prints a line for each pin, and the sum", async () => {
    nothingNewer();
    moduleHas("go.universe.tf/metallb", ["v0.99.1"]);
    const io = fakeIo({ fetcher: (address, ...more) => fetcher(address.replace(/^https:\//, server.url), ...more) });
    expect(await run(["outdated"], io)).toBe(1);
    expect(io.out()).toContain(`! MetalLB                  ${versions.metallb} → v0.99.1\n`);
    expect(io.out()).toContain(`✓ Istio 1.31               ${versions.istio}\n`);
    expect(io.out()).toMatch(/^1 outdated, 0 unknown, \d+ current$/m);
  });
});

test("fetcher() ends a request that is not answered in time", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  await expect(fetcher(address, undefined, 50)).rejects.toThrow(`Cannot download ${address}: no answer in 0.05 s`);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
});
