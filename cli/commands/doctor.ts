import type { Command } from "commander";
import { reach } from "../../artifacts/download";
import { ExitCode, formatProblem, ofStack } from "../../host/errors";
import { examine, type Finding } from "../doctor/examine";
import { examineNetwork } from "../doctor/network";
import { type CommonOptions, openSession } from "../stack/session";
import { stackToName } from "../stack/stack-name";
import { Progress } from "../terminal/progress";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `doctor`: checks whether this machine meets the requirements of the lab. Reads only. */
export function registerDoctor(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("doctor")
    .description("check whether this machine meets the requirements; changes nothing");
  examples(
    json(common(command)).option(
      "--network",
      "connect to every host that the lab downloads from; for each that does not answer, show an alternative",
    ),
    "npm run lab -- doctor",
    "npm run lab -- doctor --network",
    "npm run lab -- doctor --json",
  );
  command.action(async (options: CommonOptions & { json?: boolean; network?: boolean }) => {
    const { stack, config } = openSession(io, options);
    const found = await examine(io, stack, config);
    if (options.network) found.push(...(await examineNetwork(config, reach)));
    const toName = stackToName(options.stack, io);
    const findings = found.map((each) => (each.status === "ok" ? each : ofStack(each, toName)));
    io.stdout.write(
      options.json ? jsonText({ stack, findings }) : findingsText(findings, options, new Progress(io).colors),
    );
    if (findings.some(({ status }) => status === "fail")) end(ExitCode.unfit);
  });
}

/** A line per finding, with What, Why and Fix of those that are not ok. */
function findingsText(findings: readonly Finding[], options: CommonOptions, colors: Progress["colors"]): string {
  const marks = { ok: colors.green("✓"), warn: colors.yellow("!"), fail: colors.red("✗") };
  const lines = findings.map((finding) =>
    finding.status === "ok"
      ? `${marks.ok} ${finding.title}  ${colors.dim(finding.what)}`
      : `${marks[finding.status]} ${finding.title}  ${colors.dim(`(${finding.id})`)}${formatProblem(finding)}`,
  );
  const failed = findings.filter(({ status }) => status === "fail").length;
  const next = `npm run up${options.stack ? ` -- --stack ${options.stack}` : ""}`;
  const verdict = failed > 0 ? `${failed} of ${findings.length} stop the lab.` : `Fit for the lab. Next: ${next}`;
  return `${[...lines, "", verdict].join("\n")}\n`;
}
