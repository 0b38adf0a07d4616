import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, release } from "node:os";
import { join } from "node:path";
import { versions } from "../../config/versions";
import { ExitCode, LabError, messageOf } from "../../host/errors";
import { clusterName, labHome } from "../../host/paths";
import { redacted } from "../../verify/report/redact";
import { examine } from "../doctor/examine";
import { newFolder } from "../report/evidence";
import { clusterAddress } from "../stack/lab-address";
import type { Session } from "../stack/session";
import { settingsFile } from "../stack/settings";
import { problemText } from "../terminal/problem-text";
import { clusterLines } from "./cluster";

/** Whether a failure is one that a maintainer would want to see: not a mistake of the caller, of the machine, or a Ctrl-C. */
export function isWorthKeeping(thrown: unknown, { io }: Session): boolean {
  if (io.signal.aborted) return false;
  return !(thrown instanceof LabError) || thrown.exitCode === ExitCode.fail;
}

/**
 * Puts what is known of a failed command into a folder for a bug report, without secrets.
 * @returns the folder
 */
async function keepFailure(command: string, thrown: unknown, session: Session): Promise<string> {
  const { io, stack, config, progress } = session;
  const folder = newFolder(join(labHome(), "failures", stack));
  const settings = settingsFile(io.root, stack);
  const { signal } = new AbortController();
  const nodes = await io.exec("docker", [
    ...["ps", "--all", "--filter", `label=io.x-k8s.kind.cluster=${clusterName(stack)}`],
    ...["--format", "{{.Names}}  {{.Status}}  {{.Image}}"],
  ]);
  const machine = {
    node: process.versions.node,
    system: `${process.platform} ${release()} ${arch()}`,
    versions,
    findings: await examine(io, stack, config),
  };
  const files: Record<string, string> = {
    "problem.txt": problemText(thrown, { args: [command], verbose: true }),
    "progress.txt": `${progress.lines.join("\n")}\n`,
    "machine.json": `${JSON.stringify(machine, null, 2)}\n`,
    "settings.yaml": existsSync(settings) ? withoutSecrets(readFileSync(settings, "utf8")) : "# the defaults\n",
    "cluster.txt": [
      "Containers",
      ...(nodes.stdout || nodes.stderr).split("\n").map((line) => `  ${line}`),
      ...(await clusterLines(clusterAddress(session), signal)),
      "",
    ].join("\n"),
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), redacted(text), { mode: 0o600 });
  return folder;
}

/** {@link keepFailure} as a line below the problem; it must not hide the problem by one of its own. */
export const keptText = (command: string, thrown: unknown, session: Session): Promise<string> =>
  keepFailure(command, thrown, session).then(
    keptLine,
    (why) => `    Kept  nothing, for a bug report: ${messageOf(why)}`,
  );

/** The line that names a folder for a bug report. */
export const keptLine = (folder: string): string => `    Kept  ${folder}   (for a bug report, without secrets)`;

/** Encrypted values are of no use to anybody else, and the salt would help to guess the passphrase. */
const withoutSecrets = (text: string) => text.replaceAll(/^(\s*(?:secure|encryptionsalt):).*$/gm, "$1 '[left out]'");
