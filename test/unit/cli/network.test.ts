import { describe, expect, test } from "vitest";
import { unreachable } from "../../../artifacts/download";
import { examineNetwork } from "../../../cli/doctor/network";
import { parseConfig } from "../../../config/load";

/** Examines a network on which the hosts that match are silent. */
async function network(silent: RegExp, raw: Record<string, unknown> = {}) {
  const asked: string[] = [];
  const findings = await examineNetwork(parseConfig(raw), async (address) => {
    asked.push(address);
    if (silent.test(address)) throw unreachable(address, { reason: "no answer in 5 s" });
    return 401;
  });
  const way = findings.at(-1) ?? expect.fail("no verdict");
  return { asked, findings, way };
}

describe("doctor --network", () => {
  test("asks for charts, manifests, tools and every registry, and needs nothing when all answer", async () => {
    const { asked, way } = await network(/nothing/);
    for (const host of [
      "blob.istio.io",
      "raw.githubusercontent.com",
      "github.com",
      "get.pulumi.com",
      "registry-1.docker.io",
      "quay.io",
      "ghcr.io",
      "registry.k8s.io",
    ])
      expect(asked.join(" ")).toContain(`https://${host}/`);
    expect(way).toMatchObject({ id: "network", status: "ok" });
  });

  test.each([
    ["a silent registry", /quay\.io/, "imageMirrors"],
    ["silent hosts of files", /github|istio/, "artifactSource https://MIRROR"],
    ["no network at all", /./, "lab -- bundle DIR"],
  ])("sends %s its way", async (_, silent, fix) => {
    const { findings, way } = await network(silent);
    expect(way.status).toBe("warn");
    expect(way.fix).toContain(fix);
    expect(findings.filter(({ status }) => status === "warn").length).toBeGreaterThan(1);
  });

  test("asks mirrors instead of what they replace, and nobody with a folder", async () => {
    const mirrors = { artifactSource: "https://mirror.test/lab", imageMirrors: ["quay.io=https://mirror.test/quay"] };
    const { asked } = await network(/nothing/, mirrors);
    expect(asked).toEqual([
      "https://mirror.test/lab/SHA256SUMS",
      "https://registry-1.docker.io/v2/",
      "https://mirror.test/quay",
      "https://ghcr.io/v2/",
      "https://registry.k8s.io/v2/",
    ]);
    expect((await network(/./, { artifactSource: "/media/lab" })).way.status).toBe("ok");
  });
});
