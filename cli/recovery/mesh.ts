import { LabError } from "../../host/errors";
import { type MeshOptions, repairMesh, waitUntilReady } from "../../verify/repair/mesh";
import type { Engine } from "../engine/types";
import { type LabOutputs, labFacts, readOutputs } from "../stack/lab";
import { nodeStarts } from "../stack/nodes";
import type { Session } from "../stack/session";

/** Repairs the mesh of a running lab: restarts workloads that are not in it. @returns the stack's outputs */
export async function repairLabMesh(engine: Engine, session: Session): Promise<LabOutputs> {
  const outputs = readOutputs(await engine.outputs());
  const mesh = await openMesh(session, outputs);
  if (mesh) await session.progress.phase("Mesh", () => repairMesh(mesh));
  return outputs;
}

/** Waits until a lab with restarted nodes is ready for changes. */
export async function waitForLab(engine: Engine, session: Session): Promise<void> {
  const mesh = await openMesh(session, readOutputs(await engine.outputs()));
  if (!mesh) return;
  await session.progress.phase("Nodes", async () => {
    await waitUntilReady(mesh).catch((thrown: unknown) => {
      if (!(thrown instanceof LabError)) throw thrown;
      // The following update may remove the cause.
      mesh.say(`! ${thrown.what}`);
    });
  });
}

/** Options for the repair of the lab's mesh; undefined when no `up` of the lab was finished. */
export async function openMesh(session: Session, outputs: LabOutputs): Promise<MeshOptions | undefined> {
  const { io, stack, config, progress } = session;
  if (!outputs.settings || !outputs.url) return undefined;
  const facts = labFacts(stack, outputs);
  const say = (line: string) => progress.line(`  ${line}`);
  const starts = config.cluster === "kind" ? await nodeStarts(stack, io.exec) : new Map<string, number>();
  return { facts, starts, lab: await io.openLabClient(facts), say, signal: io.signal, clock: io.clock };
}
