import { readFileSync } from "node:fs";
import { join } from "node:path";
import semver from "semver";
import { describe, expect, test } from "vitest";
import { platforms } from "../../../cli/offline/pieces";
import { tools } from "../../../cli/toolchain/tools";
import { cacheImage, istioImages, probeImage } from "../../../config/image-names";
import {
  artifacts,
  artifactsOf,
  imageDigests,
  istioMinorOf,
  istioMinors,
  nodeImage,
  pinnedDigests,
  supported,
  versions,
} from "../../../config/versions";

const read = (file: string) => readFileSync(join(__dirname, "../../..", file), "utf8");
const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } = JSON.parse(
  read("package.json"),
);

describe("version pins", () => {
  test("every npm package is pinned exactly", () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(semver.valid(version), name).toBe(version);
    }
  });

  test("@pulumi/command is 1.2.1: the registry's latest is a stray build without a plugin", () => {
    expect(manifest.dependencies["@pulumi/command"]).toBe("1.2.1");
    expect(JSON.parse(read("node_modules/@pulumi/command/package.json")).version).toBe("1.2.1");
  });

  test("the lockfile holds what package.json pins", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, { version?: string }> };
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  test("every package that the lab runs with works on the Node.js versions that the lab takes", () => {
    interface Locked {
      engines?: { node?: string };
      dev?: boolean;
      optional?: boolean;
    }
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, Locked> };
    const product = Object.entries(packages).filter(([, { dev, optional }]) => !dev && !optional);
    expect(product.length).toBeGreaterThan(100);
    const newer = ["22.13.0", "24.0.0", "25.0.0", "26.0.0"];
    const unfit = product.flatMap(([name, { engines }]) =>
      [semver.minVersion(supported.node)?.version ?? "", ...newer]
        .filter((version) => !semver.satisfies(version, engines?.node ?? "*"))
        .map((version) => `${name}: ${version}`),
    );
    expect(unfit).toEqual([]);
    expect(packages[""]?.engines?.node).toBe(supported.node);
    // Packages for development ask for less than all of these versions: "npm ci" has to warn, and not to fail.
    expect(read(".npmrc")).not.toContain("engine-strict");
  });

  test("the programs of the Dockerfile are those of config/versions.ts", () => {
    const installed = [...read("images/httpbin/Dockerfile").matchAll(/go install .* (\S+)\n/g)].map(([, name]) => name);
    expect(installed).toEqual([
      `github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin@${versions.httpbin}`,
      `github.com/tsenart/vegeta/v12@${versions.vegeta}`,
    ]);
  });

  test("the images that no node is given are pinned by digest", () => {
    const images = [cacheImage, probeImage];
    expect(images).toHaveLength(Object.keys(imageDigests).length);
    for (const image of images) expect(image).toMatch(/^[a-z0-9.]+\/[a-z0-9/-]+:[\d.]+@sha256:[0-9a-f]{64}$/);
  });

  test("the node image is pinned by digest", () => {
    expect(nodeImage).toMatch(/^kindest\/node:v\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/);
  });

  test("the node image's Kubernetes and the pinned kind are in the supported ranges", () => {
    const [kubernetes = ""] = /\d+\.\d+\.\d+/.exec(nodeImage) ?? [];
    expect(semver.satisfies(kubernetes, istioMinorOf(versions.istio)?.kubernetes ?? "")).toBe(true);
    expect(semver.satisfies(versions.kind, supported.kind)).toBe(true);
    expect(semver.satisfies(manifest.dependencies["@pulumi/pulumi"] ?? "", supported.pulumi)).toBe(true);
  });

  test("the pinned Gateway API is that of the pinned Istio", () => {
    expect(istioMinorOf(versions.istio)?.gatewayApi).toBe(versions.gatewayApi);
  });

  test("the table of combinations goes up minor by minor, each with a bundle of its own range", () => {
    const minors = istioMinors.map(({ minor }) => Number(minor.split(".")[1]));
    expect(minors).toEqual(minors.map((_, index) => (minors[0] ?? 0) + index));
    for (const { minor, from, kubernetes, gatewayApi, gatewayApiRange } of istioMinors) {
      expect(from.startsWith(`${minor}.`)).toBe(true);
      expect(semver.validRange(kubernetes)).not.toBeNull();
      expect(semver.satisfies(gatewayApi, gatewayApiRange), minor).toBe(true);
    }
  });

  test("Istio's charts, addons and images all have the one version of Istio", () => {
    const istio = artifacts.filter(({ name }) => name !== "gateway-api" && name !== "metallb");
    expect(istio.length).toBeGreaterThanOrEqual(8);
    for (const { name, version } of istio) expect(version, name).toBe(versions.istio);
    for (const image of istioImages) expect(image).toContain(`:${versions.istio}-distroless`);
  });

  test("a file has a digest for every version that the lab pins, and a program for every platform", () => {
    const files = istioMinors.flatMap(({ newest }) =>
      artifactsOf({ istioVersion: newest, metallbVersion: versions.metallb }).filter(({ name }) =>
        ["gateway-api", "metallb"].includes(name),
      ),
    );
    const programs = platforms.flatMap(({ system }) => tools.map((tool) => tool.release(system)));
    for (const { sha256 } of [...files, ...programs]) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const used = [...files.map(({ upstream }) => upstream), ...programs.map(({ url }) => url)];
    expect(new Set(used)).toEqual(new Set(Object.keys(pinnedDigests)));
  });

  test("every upstream address names its version or has a versioned index", () => {
    for (const { kind, version, upstream } of artifacts) {
      expect(upstream).toMatch(/^https:\/\//);
      if (kind === "manifest") expect(upstream).toContain(version);
    }
  });
});
