import type { Command } from "commander";
import { exitCodeFor } from "../../verify";
import { repairMesh, waitUntilReady } from "../../verify/repair/mesh";
import { openMesh } from "../recovery/mesh";
import { labFacts, readOutputs, summaryText } from "../stack/lab";
import { nodesOf, startNodes } from "../stack/nodes";
import { hostFacts } from "../stack/prepare";
import { labNotFound, ownNodes } from "../stack/running-lab";
import { type CommonOptions, openSession, sessionEngine, stackExists } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";
import { prove, reportFailedProofs } from "./verify";

interface ResumeOptions extends CommonOptions {
  json?: boolean;
  verify: boolean;
}

/** `resume`: starts the nodes of a paused lab, repairs the mesh and verifies the lab. */
export function registerResume(program: Command, context: CommandContext): void {
  const command = program.command("resume").description("start the nodes of a paused lab, and verify it");
  examples(
    json(common(command)).option("--no-verify", "do not verify the lab afterwards"),
    "npm run lab -- resume",
    "npm run lab -- resume --stack alice --no-verify",
  );
  command.action((options: ResumeOptions) => resume(options, context));
}

async function resume(options: ResumeOptions, { io, end }: CommandContext): Promise<void> {
  const session = openSession(io, options);
  const { stack, config, progress } = session;
  await ownNodes(session, "resume");
  const engine = await sessionEngine(session, { install: false, makesClusters: false });
  if (!(await stackExists(engine, stack))) throw labNotFound(stack);
  const outputs = readOutputs(await engine.outputs());
  const facts = labFacts(stack, outputs);
  const stopped = (await nodesOf(stack, io.exec)).filter(({ state }) => state !== "running");
  await progress.phase("Nodes", () => startNodes(session));
  await hostFacts(session, config);
  const repaired = await progress.phase("Mesh", async () => {
    const mesh = await openMesh(session, outputs);
    if (!mesh) return [];
    await waitUntilReady(mesh);
    return repairMesh(mesh);
  });
  if (options.verify) {
    const proven = await prove(session, facts);
    end(exitCodeFor(proven));
    reportFailedProofs(session, proven);
  }
  const started = stopped.map(({ name }) => name);
  io.stdout.write(options.json ? jsonText({ stack, started, repaired, ...outputs }) : summaryText(stack, outputs));
}
