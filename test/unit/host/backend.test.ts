import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { backendUrl, canonicalBackend } from "../../../host/backend";

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

  test("tells the relative backends of two checkouts apart, and knows one folder by two paths", () => {
    const [a, b] = [checkout(), checkout()];
    expect(of("file://state", a)).not.toBe(of("file://state", b));
    mkdirSync(join(a, "state"));
    symlinkSync(join(a, "state"), join(b, "link"));
    expect(of("file://link", b)).toBe(`file://${a}/state`);
  });
});
