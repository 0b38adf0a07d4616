import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { run } from "../../../cli/run";
import { docker, mirror, mirrorFetcher } from "./fake-mirror";
import { checkout, fakeIo, ownLabHome } from "./world";

vi.mock("../../../download", async (original) => ({
  ...(await original<typeof import("../../../artifacts/download")>()),
  reach: async () => 200,
}));

const page = readFileSync(join(__dirname, "../../../docs/how-to/work-offline.md"), "utf8");
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block = ""]) => block.split("\n"))
  .map((line) => line.replace(/ +#.*$/, ""))
  .filter(Boolean);
const those = (start: string) => commands.filter((command) => command.startsWith(start));

/** Variables that Node.js, undici, npm's family and Pulumi read. */
const variables = ["HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"];

describe("docs/how-to/work-offline.md", () => {
  test("has no command of a kind that is not run here", () => {
    const kinds = ["npm run lab -- ", "npm run up", "export ", "docker rm ", "docker volume rm "];
    expect(commands.filter((command) => !kinds.some((kind) => command.startsWith(kind)))).toEqual([]);
    expect(commands.length).toBeGreaterThan(10);
  });

  test("every command of the lab does its work, in the order of the page", async () => {
    ownLabHome();
    const media = mkdtempSync(join(tmpdir(), "lab-media-"));
    const settings =
      "config:\n  ambient-lab:appImage: registry.test/app:1\n  ambient-lab:artifactSource: https://mirror.example/ambient-lab\n";
    const root = checkout({ "Pulumi.dev.yaml": settings });
    // test/unit/docs/commands.test.ts runs those that set a key, each by itself.
    const others = those("npm run lab -- ").filter((command) => !command.startsWith("npm run lab -- config "));
    for (const command of others) {
      const args = command.replace("npm run lab -- ", "").replaceAll("/media/usb", media).split(" ");
      const fetcher = mirrorFetcher("https://mirror.example/ambient-lab", mirror());
      const io = fakeIo({ root, fetcher, ...(args[0] === "bundle" ? { exec: docker() } : {}) });
      expect({ command, code: await run(args, io), problems: io.err().match(/What .*/g) ?? [] }).toEqual({
        command,
        code: 0,
        problems: [],
      });
    }
  });

  test.each(those("export "))("somebody reads: %s", (command) => {
    expect(variables).toContain(/^export (\w+)=\S+$/.exec(command)?.[1]);
  });

  test("what removes the caches finds them by the label that they get", () => {
    const script = readFileSync(join(__dirname, "../../../components/scripts/image-cache.sh"), "utf8");
    for (const start of ["docker rm ", "docker volume rm "])
      expect(those(start)).toEqual([expect.stringContaining("--filter label=ambient-lab.cache)")]);
    expect(script).toMatch(/docker volume create --label "ambient-lab\.cache=/);
    expect(script).toMatch(/docker create --name "\$name" --label "ambient-lab\.cache=/);
  });

  test("the links of the page lead to its headings", () => {
    const anchors = [...page.matchAll(/^##+ (.*)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^\w\s-]/g, "")
        .replace(/\s/g, "-"),
    );
    for (const [, link] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(link);
  });
});
