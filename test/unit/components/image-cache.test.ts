import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { script } from "../../../components/script";
import { exec } from "../../../host/exec";

/** A Docker whose cache logs the given text from its second answer on, and runs or not. */
const fakeDocker = `#!/bin/sh
case "$1 $2 $*" in
  "container inspect container inspect --format {{range"*) echo "bridge " ;;
  "image inspect "*) echo linux/amd64 ;;
  *Labels*) echo "http://registry.test registry:1 " ;;
  *State.Status*) echo "$STATUS start" ;;
  *State.StartedAt*) echo start ;;
  "logs "*) [ -f "$FAKE/asked" ] && echo "$SAYS"; touch "$FAKE/asked"; [ "$STATUS" = running ] && case "$*" in *--follow*) exec sleep 5 ;; esac ;;
  "start "*) [ -z "$REFUSES" ] || { echo "$REFUSES" >&2; exit 1; }; echo "$2" ;;
  "port "*) echo 127.0.0.1:5000 ;;
esac
true
`;

async function start(env: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), "lab-image-cache-"));
  writeFileSync(join(folder, "docker"), fakeDocker, { mode: 0o755 });
  return exec("/bin/sh", ["-c", script("image-get", "image-cache")], {
    cwd: join(__dirname, "..", "..", ".."),
    env: {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, FAKE: folder, CACHE_IMAGE: "registry:1", CA_FILE: "" },
      ...{
        CACHES: "docker.io=http://registry.test",
        MIRRORS: "",
        BUNDLE: "",
        PLATFORM: "",
        PATIENCE: "1",
        REFUSES: "",
        ...env,
      },
    },
  });
}

test("a cache runs when it says that it listens", async () => {
  const { code, stdout } = await start({ SAYS: "listening on [::]:5000", STATUS: "running" });
  expect(stdout).toBe("127.0.0.1:5000");
  expect(code).toBe(0);
});

test.each([
  ["is silent", "running"],
  ["ends and is started again", "restarting"],
])("one that %s is a problem soon", async (_, STATUS) => {
  const began = performance.now();
  const { code, stderr } = await start({ SAYS: "looking for the registry", STATUS });
  expect(code).toBe(1);
  expect(stderr).toContain("What  The cache of docker.io does not start: looking for the registry\n");
  expect(performance.now() - began).toBeLessThan(4_000);
});

test("one that Docker cannot start is a problem in Docker's own words", async () => {
  const REFUSES = "Error response from daemon: driver failed programming external connectivity on endpoint";
  const { code, stderr } = await start({ SAYS: "", STATUS: "created", REFUSES });
  expect([code, stderr]).toEqual([1, expect.stringContaining(`does not start: ${REFUSES}\nWhy `)]);
});
