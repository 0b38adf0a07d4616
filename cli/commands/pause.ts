import type { Command } from "commander";
import { requireUnlocked } from "../recovery/locks";
import { bytesText, memoryOf, nodesOf, nodesText, stopNodes, totalOf } from "../stack/nodes";
import { ownNodes } from "../stack/running-lab";
import { type CommonOptions, openSession } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `pause`: stops the nodes of the lab. Their disks stay. */
export function registerPause(program: Command, { io }: CommandContext): void {
  const command = program.command("pause").description("stop the lab's nodes, which frees their memory");
  examples(json(common(command)), "npm run lab -- pause", "npm run lab -- pause --stack alice --json");
  command.action(async (options: CommonOptions & { json?: boolean }) => {
    const session = openSession(io, options);
    const { stack, progress } = session;
    const before = await ownNodes(session, "pause");
    await requireUnlocked(stack, io);
    const running = (await nodesOf(stack, io.exec)).filter(({ state }) => state === "running");
    const memory = totalOf(
      await memoryOf(
        running.map(({ name }) => name),
        io.exec,
      ),
    );
    const stopped = before === "paused" ? [] : await progress.phase(`Pause "${stack}"`, () => stopNodes(session));
    if (options.json) {
      io.stdout.write(jsonText({ stack, cluster: "paused", stopped, memoryBytes: memory ?? 0 }));
      return;
    }
    const freed = memory === undefined ? "" : `, ${bytesText(memory)} of memory given back`;
    const what = stopped.length > 0 ? `: ${nodesText(stopped.length)} stopped${freed}` : " already";
    io.stdout.write(`Lab "${stack}" is paused${what}.\n\nNext:\n  npm run lab -- resume --stack ${stack}\n`);
  });
}
