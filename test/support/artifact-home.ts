import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { artifactPath } from "../../artifacts/fetch";
import { type BillArtifact, artifacts as bill } from "../../config/versions";
import { LabError } from "../../host/errors";
import { startServer, type TestServer } from "./server";

/** A fresh AMBIENT_LAB_HOME and a test server for each test of a file. */
export interface ArtifactHome {
  readonly path: string;
  readonly server: TestServer;
  /** Path of an artifact in the cache. */
  cacheFile(artifact: BillArtifact): string;
}

/** Creates an {@link ArtifactHome} for every test of the calling file. */
export function useArtifactHome(): ArtifactHome {
  let current: { path: string; server: TestServer } | undefined;
  const given = () => {
    if (!current) throw new Error("There is an artifact home only while a test runs");
    return current;
  };
  beforeEach(async () => {
    current = { server: await startServer(), path: await mkdtemp(join(tmpdir(), "ambient-lab-artifacts-")) };
    vi.stubEnv("AMBIENT_LAB_HOME", current.path);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await given().server.close();
    await rm(given().path, { recursive: true });
  });
  return {
    get path() {
      return given().path;
    },
    get server() {
      return given().server;
    },
    cacheFile: (artifact) => join(given().path, "cache", artifactPath(artifact)),
  };
}

/** The artifact of this name in the bill of materials. */
export function billed(name: string): BillArtifact {
  const found = bill.find((artifact) => artifact.name === name);
  if (!found) throw new Error(`${name} is not on the bill`);
  return found;
}

/** Requires a rejection with a LabError of exit code 4, and returns the error. */
export async function refusal(pending: Promise<unknown>): Promise<LabError> {
  const thrown = await pending.then(
    () => new Error("It was accepted"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof LabError)) throw thrown;
  expect(thrown.exitCode).toBe(4);
  return thrown;
}
