import { LabError } from "../../host/errors";
import { type MeshOptions, repairMesh, waitUntilReady } from "../../verify/repair/mesh";
import type { Engine } from "../engine/types";
import { labFacts } from "../stack/lab-facts";
import { nodeStarts } from "../stack/nodes";
import { type LabOutputs, readOutputs } from "../stack/outputs";
import type { Session } from "../stack/session";

/** Brings back into the mesh what left it. @returns the stack's outputs */
export async function repairLabMesh(engine: Engine, session: Session): Promise<LabOutputs> {
  const outputs = readOutputs(await engine.outputs());
  const mesh = await meshOf(session, outputs);
  if (mesh) await session.progress.phase("Mesh", () => repairMesh(mesh));
  return outputs;
}

/** On nodes that were started just now: a lab that is not up again would refuse what is applied to it. */
export async function waitForLab(engine: Engine, session: Session): Promise<void> {
  const mesh = await meshOf(session, readOutputs(await engine.outputs()));
  if (!mesh) return;
  await session.progress.phase("Nodes", async () => {
    await waitUntilReady(mesh).catch((thrown: unknown) => {
      if (!(thrown instanceof LabError)) throw thrown;
      // What keeps it down may be what is about to be changed.
      mesh.say(`! ${thrown.what}`);
    });
  });
}

/** The mesh of a lab that was finished once. */
async function meshOf(session: Session, outputs: LabOutputs): Promise<MeshOptions | undefined> {
  const { io, stack, config, progress } = session;
  if (!outputs.settings || !outputs.url) return undefined;
  const facts = labFacts(stack, outputs);
  const say = (line: string) => progress.line(`  ${line}`);
  const starts = config.cluster === "kind" ? await nodeStarts(stack, io.exec) : new Map<string, number>();
  return { facts, starts, lab: await io.openLabClient(facts), say, signal: io.signal, clock: io.clock };
}
