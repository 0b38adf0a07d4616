import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../../../cli/run";
import { processIo } from "../../../cli/terminal/process-io";
import { clusterOf } from "../verify/fake/cluster";
import type { DeclaredLab } from "../verify/fake/declared";
import { annotationsOf, FakeWorld, rulesOf } from "../verify/fake/world";
import { FakeEngine, fakeIo, ownLabHome } from "./world";

/**
 * `verify` of a lab in memory, with the real signals and streams of this process: `verify-process.ts FOLDER DECLARED`,
 * where the file DECLARED holds what the program declares. It waits while a policy is changed, says so by an empty file "changed", and writes to stderr once there is a file "go". At its end it
 * makes a file "restored" or "lost": the policy is as it was, or is not.
 */
const [folder = "", declared = ""] = process.argv.slice(2);
const { stdout, stderr, signal } = processIo();
ownLabHome();
void main();

async function main(): Promise<void> {
  const lab = new FakeWorld(clusterOf(JSON.parse(readFileSync(declared, "utf8")) as DeclaredLab));
  const before = JSON.stringify(rulesOf(lab));
  const asBefore = () => JSON.stringify(rulesOf(lab)) === before && annotationsOf(lab) === undefined;

  const sent = lab.exec;
  lab.exec = async (...call) => {
    if (!asBefore()) {
      writeFileSync(join(folder, "changed"), "");
      for (const file of ["go", "never"]) {
        while (!signal.aborted && !existsSync(join(folder, file))) await delay(20);
        stderr.write("still at work\n");
      }
    }
    return sent(...call);
  };

  const engine = new FakeEngine(["dev"]);
  const { facts } = lab.state;
  engine.stackOutputs = { ...facts, settings: { ...facts.settings, cluster: facts.cluster } };
  const io = fakeIo({ engine, openLabClient: async () => lab, clock: lab.state.clock, stdout, stderr, signal });
  const code = await run(["verify", "--stack", "dev", "authz-flip"], io);
  writeFileSync(join(folder, asBefore() ? "restored" : "lost"), "");
  process.exitCode = code;
}
