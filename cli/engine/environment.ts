import { delimiter } from "node:path";

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
    ...(trusted ? { SSL_CERT_DIR: [trusted, env.SSL_CERT_DIR ?? ""].filter(Boolean).join(delimiter) } : {}),
    PATH: [...binFolders, env.PATH ?? ""].filter(Boolean).join(delimiter),
  };
}
