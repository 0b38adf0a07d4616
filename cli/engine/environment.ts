import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { readPrivateCa } from "../../artifacts/private-ca";
import { labHome } from "../../host/paths";
import { shellWord } from "../../host/shell";
import { writeWhole } from "../../host/write-file";

/**
 * Variables that the engine gets beside those of the caller. What the caller has set wins, so that the lab and a plain
 * `pulumi` in the same shell see the same state. `trusted` is a folder of certificates beside those of the system.
 */
export function engineEnvironment(
  env: NodeJS.ProcessEnv,
  binFolders: readonly string[] = [],
  trusted = "",
): Record<string, string> {
  const hasPassphrase = env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined;
  return {
    // The lab's state holds no secret worth a passphrase, and the engine refuses to run without one.
    ...(hasPassphrase ? {} : { PULUMI_CONFIG_PASSPHRASE: "" }),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    no_grpc_proxy: withLoopback(env),
    ...(trusted ? { SSL_CERT_DIR: [trusted, env.SSL_CERT_DIR ?? ""].filter(Boolean).join(delimiter) } : {}),
    PATH: [...binFolders, env.PATH ?? ""].filter(Boolean).join(delimiter),
  };
}

/**
 * Hosts that the program's gRPC client reaches without a proxy: those that the user has exempted, and the loopback address,
 * where the engine listens. The client (@grpc/grpc-js, build/src/http_proxy.js) takes a proxy from lower-case variables,
 * does not read NO_PROXY, and splits no_proxy without trimming. It prefers `no_grpc_proxy`, which only gRPC reads: kind
 * writes NO_PROXY into the nodes, and "*" in it must stay alone. Go exempts the loopback address by itself.
 */
function withLoopback({ no_grpc_proxy, no_proxy, NO_PROXY }: NodeJS.ProcessEnv): string {
  const own = [no_grpc_proxy, no_proxy, NO_PROXY].flatMap((list = "") => list.split(/[,\s]+/)).filter(Boolean);
  return [...new Set([...own, "localhost", "127.0.0.1", "::1"])].join(",");
}

/**
 * Folder that holds a private CA and nothing else, for SSL_CERT_DIR: programs in Go, the engine and its plugins, read it
 * in addition to the certificates of the system. On macOS they use the keychain only.
 */
export async function trustFolder(caFile: string): Promise<string> {
  const { pem, digest } = readPrivateCa(caFile);
  const folder = join(labHome(), "ca", digest.slice(0, 12));
  writeWhole(join(folder, "ca.pem"), pem);
  return folder;
}

/**
 * A script that runs `pulumi` with SIGHUP ignored. A terminal that is closed sends SIGHUP to the engine as well, which
 * would end it at once: it listens to SIGINT and SIGTERM alone (pulumi/pulumi v3.259.0, pkg/backend/cancellation_scope.go).
 * A signal that is ignored when a Go program starts stays ignored (Go, package os/signal), so that the engine gets the
 * lab's SIGINT and ends in an orderly way.
 * @returns folder that holds it as `bin/pulumi`
 */
export function withoutHangup(pulumi: string): string {
  const name = createHash("sha256").update(pulumi).digest("hex").slice(0, 12);
  const root = join(labHome(), "engine", name);
  const program = join(root, "bin", "pulumi");
  if (!existsSync(program)) {
    writeWhole(program, `#!/bin/sh\ntrap '' HUP\nexec ${shellWord(pulumi)} "$@"\n`, 0o755);
  }
  return root;
}
