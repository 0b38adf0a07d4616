import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { exec } from "../../../host/exec";
import { type Profile, profiles } from "../../support/profiles";
import { declare } from "../../support/program";

const repository = join(__dirname, "..", "..", "..");
const scripts = join(repository, "components", "scripts");

/** A docker and a kind that succeed, and record how they were called and two variables of the user's shell. */
const record = `echo "$(basename "$0") $1|$KIND_EXPERIMENTAL_PROVIDER|$DOCKER_DEFAULT_PLATFORM" >>"$CALLS"`;
const docker = `#!/bin/sh
${record}
case "$*" in
  "image inspect --format {{.Id}} "*) echo sha256:1 ;;
  "image inspect "*) exit 1 ;;
  "exec "*" sysctl -n "*) echo 999999999 ;;
  "version "*) echo linux/amd64 ;;
  "port "*) echo 127.0.0.1:32000 ;;
  "logs "*) echo "listening on" ;;
  *".Config.Labels"*) echo "another mirror" ;;
  *.State.Status*) echo "running now" ;;
  *.State.StartedAt*) echo now ;;
  "save "*) echo archive ;;
esac
`;
const kind = `#!/bin/sh
${record}
[ "$1" != get ] || printf 'c-control-plane\\nc-worker\\n'
`;

/** Every text that a command of the lab runs, by the resource's name and step. */
const texts = new Map<string, string>();

async function run(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "lab-user-environment-"));
  const CALLS = join(folder, "calls");
  writeFileSync(CALLS, "");
  writeFileSync(join(folder, "docker"), docker, { mode: 0o755 });
  writeFileSync(join(folder, "kind"), kind, { mode: 0o755 });
  const { code, stderr } = await exec("/bin/sh", ["-c", text], {
    cwd: repository,
    env: {
      ...{ KIND_EXPERIMENTAL_PROVIDER: "podman", DOCKER_DEFAULT_PLATFORM: "linux/s390x" },
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, CALLS, TMPDIR: folder, PATIENCE: "1" },
      ...{ CLUSTER: "c", NETWORK: "n", NETWORK_ID: "id", KIND_EXPERIMENTAL_DOCKER_NETWORK: "n", LABELS: "a=b" },
      ...{
        NODE_IMAGE: "kindest/node:v1",
        IMAGES: "registry.test/a:1",
        BUILD: "images/httpbin",
        IMAGE: "registry.test/b:1",
        SYSCTLS: "a=1",
      },
      ...{ MIRRORS: "", CACHES: "quay.io=https://quay.io", CACHE_IMAGE: "registry:3", BUNDLE: "", PLATFORM: "" },
      ...{
        KUBECONFIG_FILE: join(folder, "stack", "kubeconfig"),
        MARKER_FILE: join(folder, "stack", "cluster"),
        BACKEND: "b",
      },
      ...{ CERTS_DIR: join(folder, "certs.d"), CA_FILE: "", CA_PEM: "" },
      ...(text.includes("CA_PEM") || text.includes("ca-file") ? { CA_FILE: join(folder, "ca.pem") } : {}),
    },
    input: "kind: Cluster\n",
  });
  expect(code, stderr).toBe(0);
  const calls = readFileSync(CALLS, "utf8").split("\n").filter(Boolean);
  return calls.map((call) => {
    const [program = "", provider = "", platform = ""] = call.split("|");
    return { program, provider, platform };
  });
}

beforeAll(async () => {
  for (const profile of ["default", "cached", "modules"] satisfies Profile[]) {
    const { resources } = await declare(profiles[profile]);
    for (const { name, type, inputs } of resources)
      if (type === "command:local:Command")
        for (const step of ["create", "update", "delete"])
          if (typeof inputs[step] === "string") texts.set(`${step} of ${name}`, inputs[step]);
  }
}, 120_000);

describe("a shell with KIND_EXPERIMENTAL_PROVIDER and DOCKER_DEFAULT_PLATFORM", () => {
  test("every script belongs to a command of the lab, so that the next test runs it", () => {
    const all = [...texts.values()];
    const unused = readdirSync(scripts).filter((file) => {
      const content = readFileSync(join(scripts, file), "utf8");
      return !all.some((text) => text.includes(`/${file}`) || text.includes(content));
    });
    expect(unused).toEqual([]);
  });

  // kind v0.32.0 pkg/internal/runtime/runtime.go GetDefault(): docker, podman and nerdctl choose the provider.
  // docker/cli v29.7.2 reads DOCKER_DEFAULT_PLATFORM in cli/command/image/{pull,build,import}.go and container/{create,run}.go;
  // kind runs "docker pull" and "docker run" when it creates a cluster.
  test("reaches neither kind nor what docker pulls, builds and creates", async () => {
    const platformed = /^(docker (pull|build|import|create|run)|kind create)$/;
    const seen = new Set<string>();
    for (const text of new Set(texts.values()))
      for (const { program, provider, platform } of await run(text)) {
        seen.add(program);
        if (program.startsWith("kind ")) expect(provider, `${program} in ${text}`).toBe("docker");
        if (platformed.test(program)) expect(platform, `${program} in ${text}`).toBe("");
      }
    expect([...seen]).toEqual(
      expect.arrayContaining([
        ...["kind create", "kind delete", "kind get", "kind load", "kind export"],
        ...["docker pull", "docker build", "docker create"],
      ]),
    );
  }, 120_000);
});
