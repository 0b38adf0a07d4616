import type { Command, Option } from "commander";

const shared = ["--stack", "--quiet", "--verbose", "--json", "--yes"];

/** The reference page of the commands with their arguments and options. */
export function commandsPage(program: Command): string {
  return [
    "# Commands",
    "",
    "For users who want to know every option of a command.",
    "",
    "Generated from the command line's own help by `npm run docs`; a test fails when it is out of date.",
    "",
    "`npm run up`, `npm run preview` and `npm run destroy` are commands of npm; all others are called like `npm run lab -- verify`. Put",
    "`--` before options, otherwise npm interprets them: `npm run up -- --stack alice`.",
    "",
    "| option of many commands | meaning |",
    "|---|---|",
    "| `-s, --stack <name>` | stack to work on. Default: `PULUMI_STACK`, else the selected stack, else `dev` |",
    "| `-q, --quiet` | print the result and problems only |",
    "| `--verbose` | show the stack trace of an error |",
    "| `--json` | print the answer as JSON; `npm run --silent lab -- verify --json` is without npm's own lines |",
    "| `-y, --yes` | do not ask |",
    "",
    "| exit code | meaning |",
    "|---|---|",
    "| 0 | pass |",
    "| 1 | fail: an experiment, a question or an operation failed |",
    "| 2 | usage: the command line, the configuration or a file is wrong |",
    "| 3 | inconclusive: the verifier could not see enough to decide |",
    "| 4 | the machine does not meet the requirements |",
    ...program.commands.flatMap(sectionsOf),
    "",
  ].join("\n");
}

function sectionsOf(command: Command): string[] {
  const title = `${pathOf(command)} ${command
    .usage()
    .replace(/^\[options\] ?/, "")
    .replace(/ ?\[command\]/, "")}`.trim();
  const own = command.options.filter(({ long, hidden }) => !hidden && !shared.includes(long ?? ""));
  const common = command.options.filter(({ long }) => shared.includes(long ?? "")).map(({ long }) => `\`${long}\``);
  return [
    "",
    `## ${title}`,
    "",
    `${sentence(command.description())}${common.length > 0 ? ` Takes ${common.join(", ")}.` : ""}`,
    ...(own.length > 0 ? ["", "| option | meaning |", "|---|---|", ...own.map(row)] : []),
    ...command.commands.filter(({ commands }) => commands).flatMap(sectionsOf),
  ];
}

const pathOf = (command: Command): string =>
  command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

const sentence = (text: string): string => (text ? `${text[0]?.toUpperCase()}${text.slice(1)}.` : "");

const row = ({ flags, description, defaultValue, defaultValueDescription }: Option): string => {
  const told = defaultValueDescription ?? (Array.isArray(defaultValue) ? undefined : defaultValue);
  const standard = told === undefined || description.includes("default") ? "" : `. Default: \`${told}\``;
  return `| \`${flags}\` | ${description.replaceAll("|", "\\|")}${standard} |`;
};
