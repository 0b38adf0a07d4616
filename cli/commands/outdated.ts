import type { Command } from "commander";
import { ExitCode } from "../../host/errors";
import { type PinState, pinStates } from "../outdated";
import { type CommonOptions, openSession } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** Milliseconds in which each address has to answer. */
const answerMs = 10_000;

/** `outdated`: what upstream has newer than the pins. Exit code 1 when something is, 3 when that is not known. */
export function registerOutdated(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("outdated")
    .description("compare the pinned versions with upstream's newest; exit code 1 when one is older, 3 when unknown");
  examples(json(common(command)), "npm run lab -- outdated", "npm run lab -- outdated --json");
  command.action(async (options: CommonOptions & { json?: boolean }) => {
    const { io: own } = openSession(io, options);
    const states = await pinStates({
      text: async (address) => (await own.fetcher(address, undefined, answerMs)).toString("utf8"),
      ...(io.env.GOPROXY ? { goProxy: io.env.GOPROXY } : {}),
    });
    io.stdout.write(options.json ? jsonText(states) : outdatedText(states));
    const has = (wanted: PinState["state"]) => states.some(({ state }) => state === wanted);
    if (has("outdated")) end(ExitCode.fail);
    else if (has("unknown")) end(ExitCode.inconclusive);
  });
}

const marks = { current: "✓", outdated: "!", unknown: "?" } as const;

function outdatedText(states: readonly PinState[]): string {
  const width = Math.max(...states.map(({ name }) => name.length));
  const lines = states.map(({ name, pinned, upstream, state, note }) => {
    const change = state === "outdated" && upstream ? [pinned, upstream].filter(Boolean).join(" → ") : pinned;
    return `${marks[state]} ${name.padEnd(width)}  ${change}${note ? `  (${note})` : ""}`;
  });
  const count = (wanted: PinState["state"]) => states.filter(({ state }) => state === wanted).length;
  const sum = `${count("outdated")} outdated, ${count("unknown")} unknown, ${count("current")} current`;
  return `${[...lines, sum].join("\n")}\n`;
}
