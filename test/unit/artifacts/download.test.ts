import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkDigest, fetcher, sha256 } from "../../../artifacts/download";
import { LabError } from "../../../host/errors";
import { startServer, type TestServer } from "../../support/server";

let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await startServer();
  folder = await mkdtemp(join(tmpdir(), "ambient-lab-download-"));
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function problemOf(address: string): Promise<LabError> {
  const thrown = await fetcher(address).then(
    () => new Error(`${address} was read`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof LabError)) throw thrown;
  expect(thrown.exitCode).toBe(4);
  return thrown;
}

describe("fetcher", () => {
  test("fetcher() reads an address of the web", async () => {
    server.answers.set("file", { body: "content" });
    expect((await fetcher(`${server.url}/file`)).toString()).toBe("content");
  });

  test("fetcher() reads a file of this machine", async () => {
    await writeFile(join(folder, "local"), "content");
    expect((await fetcher(join(folder, "local"))).toString()).toBe("content");
  });

  test("fetcher() names the status of an address that does not exist", async () => {
    const error = await problemOf(`${server.url}/absent`);
    expect(error.what).toBe(`Cannot download ${server.url}/absent: HTTP 404 Not Found`);
    expect(error.fix).toContain("artifactSource");
  });

  test("fetcher() reports that no server listens", async () => {
    const gone = await startServer();
    await gone.close();
    expect((await problemOf(`${gone.url}/file`)).what).toMatch(/ECONNREFUSED/);
  });

  test("fetcher() refuses a body that ends too early", async () => {
    server.answers.set("cut", { cut: "half" });
    const error = await problemOf(`${server.url}/cut`);
    expect(error.what).toContain("the connection broke");
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("fetcher() names a missing file of this machine and how to make the folder", async () => {
    const error = await problemOf(join(folder, "absent"));
    expect(error.what).toContain("ENOENT");
    expect(error.fix).toContain("lab -- bundle");
  });
});

describe("checkDigest", () => {
  test("checkDigest() accepts the promised bytes", () => {
    const bytes = Buffer.from("content");
    expect(() => checkDigest("file", bytes, sha256("content"))).not.toThrow();
  });

  test("checkDigest() sends to the bundle for a file of a folder, and to the release page for one of the web", () => {
    const wrong = (address: string) => () => checkDigest(address, Buffer.from("other"), sha256("content"));
    expect(wrong("/media/usb/lab/charts/base.tgz")).toThrow("lab -- bundle DIR");
    expect(wrong("https://mirror.test/charts/base.tgz")).toThrow("release page");
  });

  test("checkDigest() names both digests of other bytes", () => {
    const wrong = () => checkDigest("file", Buffer.from("other"), sha256("content"));
    expect(wrong).toThrow(LabError);
    expect(wrong).toThrow(sha256("content"));
    expect(wrong).toThrow(sha256("other"));
  });
});
