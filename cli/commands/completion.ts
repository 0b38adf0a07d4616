import { join } from "node:path";
import { Argument, type Command } from "commander";
import { listExperiments } from "../../verify";
import { completionScript, type Shell, shells } from "../completion/scripts";
import { wordsOf } from "../completion/words";
import { type CommandContext, examples } from "./common";

/** `completion`: a script for the shell, made from the commands themselves. */
export function registerCompletion(program: Command, { io }: CommandContext): void {
  const command = program
    .command("completion")
    .description('print a script that makes "lab" a command of your shell, with completion')
    .addArgument(new Argument("<shell>").choices(shells));
  examples(
    command,
    'eval "$(npm run --silent lab -- completion bash)"       # in ~/.bashrc',
    'eval "$(npm run --silent lab -- completion zsh)"        # in ~/.zshrc, after compinit',
    "npm run --silent lab -- completion fish | source        # in config.fish",
  );
  command.action((shell: Shell) => {
    const words = wordsOf(program, { verify: listExperiments().map(({ id }) => id) });
    const start = { node: process.execPath, bootstrap: join(io.root, "cli", "bootstrap.cjs") };
    io.stdout.write(completionScript(shell, words, start));
  });
}
