import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { readPrivateCa } from "../../artifacts/private-ca";
import { labHome } from "../../host/paths";
import { shellWord } from "../../host/shell";
import { writeWhole } from "../../host/write-file";

/**
 * Variables for the engine, in addition to those of the caller. Variables of the caller have priority, so that the lab and a
 * plain `pulumi` in the same shell use the same state.
 * @param trusted folder of additional CA certificates
 */
export function engineEnvironment(
  env: NodeJS.ProcessEnv,
  binFolders: readonly string[] = [],
  trusted = "",
): Record<string, string> {
  const hasPassphrase = env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined;
  return {
    // The engine requires a passphrase, and the lab's state contains no secret that needs one.
    ...(hasPassphrase ? {} : { PULUMI_CONFIG_PASSPHRASE: "" }),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    no_grpc_proxy: withLoopback(env),
    ...(trusted ? { SSL_CERT_DIR: [trusted, env.SSL_CERT_DIR ?? ""].filter(Boolean).join(delimiter) } : {}),
    PATH: [...binFolders, env.PATH ?? ""].filter(Boolean).join(delimiter),
  };
}

/**
 * Hosts that the program's gRPC client reaches without a proxy: the user's exemptions, and the loopback address, on which the
 * engine listens. The client (@grpc/grpc-js, build/src/http_proxy.js) reads the proxy from lower-case variables, ignores
 * NO_PROXY, and splits no_proxy without trimming. It prefers `no_grpc_proxy`, which only gRPC reads. NO_PROXY itself stays
 * unchanged, because kind copies it to the nodes. Go exempts the loopback address by default.
 */
function withLoopback({ no_grpc_proxy, no_proxy, NO_PROXY }: NodeJS.ProcessEnv): string {
  const own = [no_grpc_proxy, no_proxy, NO_PROXY].flatMap((list = "") => list.split(/[,\s]+/)).filter(Boolean);
  return [...new Set([...own, "localhost", "127.0.0.1", "::1"])].join(",");
}

/**
 * A folder with only the private CA, for SSL_CERT_DIR. Go programs such as the engine and its plugins read it in addition to
 * the certificates of the system; on macOS they use only the keychain.
 */
export async function trustFolder(caFile: string): Promise<string> {
  const { pem, digest } = readPrivateCa(caFile);
  const folder = join(labHome(), "ca", digest.slice(0, 12));
  writeWhole(join(folder, "ca.pem"), pem);
  return folder;
}

/**
 * Writes a script that runs `pulumi` with SIGHUP ignored. A closed terminal sends SIGHUP to the engine, which handles only
 * SIGINT and SIGTERM (pulumi/pulumi v3.259.0, pkg/backend/cancellation_scope.go) and would be killed. A signal that is ignored
 * when a Go program starts stays ignored (Go, package os/signal). The lab then stops the engine by SIGINT.
 * @returns folder that contains it as `bin/pulumi`
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
