import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backendUrl, canonicalBackend, pulumiUserHome } from "../../../host/backend";
import { labelsOf } from "../../../host/docker-networks";

/** A checkout whose Pulumi.yaml names a backend, or none. */
function checkout(url?: string): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "lab-backend-")));
  writeFileSync(join(root, "Pulumi.yaml"), `name: ambient-lab\n${url ? `backend:\n  url: ${url}\n` : ""}`);
  return root;
}

describe("backendUrl()", () => {
  // The order of pulumi v3.259.0, pkg/workspace/creds.go, GetCurrentCloudURLWithSource.
  test("is that of the environment, then of the project, then of the login", () => {
    const home = checkout();
    writeFileSync(join(home, "credentials.json"), JSON.stringify({ current: "s3://login" }));
    const env = { PULUMI_HOME: home };
    expect(backendUrl({ root: checkout("s3://project"), env: { ...env, PULUMI_BACKEND_URL: "s3://shell" } })).toBe(
      "s3://shell",
    );
    expect(backendUrl({ root: checkout("s3://project"), env })).toBe("s3://project");
    expect(backendUrl({ root: checkout(), env })).toBe("s3://login");
    writeFileSync(join(home, "credentials.json"), "{");
    expect(backendUrl({ root: checkout(), env })).toBe("https://api.pulumi.com");
  });
});

// pulumi v3.259.0, .goreleaser.yml: tag osusergo; Go 1.26 os/user, lookup_stubs.go current() and lookup_unix.go.
describe("pulumiUserHome()", () => {
  const passwd = (...lines: string[]) => {
    const file = join(checkout(), "passwd");
    writeFileSync(file, `root:x:0:0:root:/root:/bin/bash\n${lines.join("\n")}\n`);
    return file;
  };
  beforeEach(() => {
    vi.stubEnv("HOME", "/home/of-the-shell");
    vi.spyOn(process, "getuid").mockReturnValue(4711);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  test("is the home folder of the password file, whatever $HOME says", () => {
    expect(pulumiUserHome(passwd("other:x:471:1::/other:/bin/sh", "me:x:4711:1:Me,,,:/home/me:/bin/sh"))).toBe(
      "/home/me",
    );
  });

  test.each([
    ["of a user in no file", passwd("other:x:471:1::/other:/bin/sh")],
    ["without that file", "/nowhere/passwd"],
  ])("%s is $HOME", (_, file) => {
    expect(pulumiUserHome(file)).toBe("/home/of-the-shell");
  });
});

describe("canonicalBackend()", () => {
  const of = (url: string, root = checkout()) => canonicalBackend({ root, env: { PULUMI_BACKEND_URL: url } });
  const home = userInfo().homedir;

  // Pairs of pulumi v3.259.0, pkg/backend/diy/backend_test.go, TestMassageBlobPath; parameters do not tell backends apart.
  test.each([
    ["file://~", `file://${realpathSync(home)}`],
    ["file://~/alpha/beta", `file://${home}/alpha/beta`],
    ["file:///1/2/3/../4/..", "file:///1/2"],
    ["file:///1?foo=bar", "file:///1"],
    ["s3://bucket/path?region=eu", "s3://bucket/path?region=eu"],
    ["https://api.pulumi.com/", "https://api.pulumi.com"],
    // pulumi v3.259.0, pkg/backend/diy/postgres/README.md
    ["postgres://lab:p%40ss@db.test:5432/pulumi?sslmode=disable", "postgres://db.test:5432/pulumi?sslmode=disable"],
  ])("writes %s as %s", (url, expected) => {
    expect(of(url)).toBe(expected);
  });

  test.each([
    ["azblob://states", { AZURE_STORAGE_ACCOUNT: "a" }, "azblob://states?storage_account=a"],
    ["azblob://states?storage_account=b", { AZURE_STORAGE_ACCOUNT: "a" }, "azblob://states?storage_account=b"],
    [
      "s3://states?region=eu",
      { AWS_ENDPOINT_URL: "http://k:s@minio:9000" },
      "s3://states?region=eu&endpoint=http%3A%2F%2Fminio%3A9000",
    ],
    [
      "s3://states",
      { AWS_ENDPOINT_URL: "http://a", AWS_ENDPOINT_URL_S3: "http://b" },
      "s3://states?endpoint=http%3A%2F%2Fb",
    ],
    ["gs://states", { AWS_ENDPOINT_URL: "http://a" }, "gs://states"],
  ])("distinguishes buckets of one name by their account: %s with %o", (url, env, expected) => {
    expect(canonicalBackend({ root: checkout(), env: { PULUMI_BACKEND_URL: url, ...env } })).toBe(expected);
  });

  test("distinguishes the relative backends of two checkouts, and recognizes one folder by two paths", () => {
    const [a, b] = [checkout(), checkout()];
    expect(of("file://state", a)).not.toBe(of("file://state", b));
    mkdirSync(join(a, "state"));
    symlinkSync(join(a, "state"), join(b, "link"));
    expect(of("file://link", b)).toBe(`file://${a}/state`);
  });
});

test.each([
  ["alice@laptop https://api.pulumi.com", "acme"],
  ["alice@laptop file:///home/alice", undefined],
  ["alice@laptop s3://bucket", undefined],
])("the network of a lab of %s names the organization: %s", (owner, organization) => {
  expect(labelsOf("dev", owner, "acme")).toEqual({
    "ambient-lab.stack": "dev",
    "ambient-lab.owner": owner,
    ...(organization ? { "ambient-lab.organization": organization } : {}),
  });
});
