import { changeConfig, readConfig } from "../../cli/stack/settings";
import { objects } from "../../experiments/objects";
import { LabError } from "../../host/errors";
import { must, pulumi, pulumiOnNothing } from "./commands";
import { clearScript, deleteCluster, readScript, runScript, type Script } from "./floor";
import { meshMemory, nodesMemory } from "./memory";
import type { Step } from "./plan";
import { kubectl, type ScriptCommand } from "./script";
import type { Bench } from "./setup";
import { Spans } from "./spans";
import type { Memory, Samples, Series, Span } from "./types";

/** What a benchmark has seen. */
export interface Seen {
  samples: Samples;
  memory?: Memory;
  /** Parts of the last cold up, script and destroy. */
  parts: Record<"up" | "script" | "destroy", readonly Span[]>;
  /** What the script installed charts with. */
  installer?: "helm" | "kubectl";
}

const titles: Record<Step, string> = {
  up: "cold up",
  again: "up without a change",
  flip: "policy flip",
  preview: "preview without a change",
  destroy: "destroy",
  memory: "memory",
  script: "the same parts, one after another",
  "empty-up": "up of an empty program",
  "empty-preview": "preview of an empty program",
  "kind-delete": "kind delete cluster",
};

const applied = ["up", "--yes", "--skip-preview"];

/** Makes labs and takes their times, step by step. */
export async function live(bench: Bench, steps: readonly Step[]): Promise<Seen> {
  const samples: Partial<Record<Series, readonly number[]>> = {};
  const parts: Record<"up" | "script" | "destroy", Span[]> = { up: [], script: [], destroy: [] };
  let memory: Memory | undefined;
  let script: Script | undefined;
  const timed: Record<Series, () => Promise<unknown>> = {
    up: async () => {
      parts.up = await followed(bench, applied);
    },
    again: () => pulumi(bench, [...applied, "--expect-no-changes"]),
    flip: () => flip(bench),
    preview: () => pulumi(bench, ["preview", "--expect-no-changes"]),
    destroy: async () => {
      parts.destroy = await followed(bench, ["destroy", "--yes", "--skip-preview"]);
    },
    "empty-up": () => pulumiOnNothing(bench, applied),
    "empty-preview": () => pulumiOnNothing(bench, ["preview"]),
    script: async () => {
      parts.script = await runScript(bench, known(script));
    },
    "kind-delete": () => deleteCluster(bench, known(script)),
  };
  for (const [index, step] of steps.entries()) {
    await bench.progress.phase(`${index + 1}/${steps.length} ${titles[step]}`, async () => {
      if (step === "memory") {
        memory = await readMemory(bench);
        return;
      }
      const before = step === "flip" ? await policyGeneration(bench) : Number.NaN;
      const begin = performance.now();
      await timed[step]();
      samples[step] = [...(samples[step] ?? []), Math.round(performance.now() - begin)];
      if (step === "flip" && (await policyGeneration(bench)) === before) throw notFlipped();
    });
    // Looks that are nobody's time.
    if (step === "up" && steps.includes("script")) script = await readScript(bench);
    if (step === "kind-delete") await clearScript(bench, known(script));
  }
  const installer = script && (script.place.records ? "kubectl" : "helm");
  return { samples, parts, ...(memory ? { memory } : {}), ...(installer ? { installer } : {}) };
}

/** Runs the engine, and tells when it was at work on what. */
async function followed(bench: Bench, operation: readonly string[]): Promise<Span[]> {
  const spans = new Spans();
  const begin = performance.now();
  await pulumi(bench, operation, (line) => spans.line(line, performance.now() - begin));
  return spans.finished();
}

/** Takes appa out of the policy, or puts it back: a change of the configuration that is applied. */
async function flip(bench: Bench): Promise<void> {
  const { allowedCallers } = readConfig(bench.settings, bench.stack);
  const others = allowedCallers.filter((caller) => caller !== "appa");
  const changed = others.length < allowedCallers.length ? others : ["appa", ...others];
  changeConfig(bench.settings, bench.stack, [`allowedCallers=[${changed.join(", ")}]`]);
  await pulumi(bench, applied);
}

/** Number of the policy's spec, as its cluster counts its changes. */
async function policyGeneration(bench: Bench): Promise<number> {
  const { kind, name, namespace = "default" } = objects["AuthorizationPolicy/appb-l7"];
  const what = ["get", kind, name, "--namespace", namespace, "--output", "jsonpath={.metadata.generation}"];
  return Number((await must(bench, kubectl({ cluster: bench.lab }, ...what))).stdout);
}

/** Requests are what the lab asked for; what is used is told where kubelets and Docker tell it. */
async function readMemory(bench: Bench): Promise<Memory> {
  const ask = async (...args: string[]) => (await must(bench, kubectl({ cluster: bench.lab }, ...args))).stdout;
  const nodes = (await ask("get", "nodes", "--output", "jsonpath={.items[*].metadata.name}")).split(" ");
  const perhaps = async ({ file, args }: ScriptCommand) => {
    const { code, stdout } = await bench.io.exec(file, args, { env: bench.env, signal: bench.signal });
    return code === 0 ? [stdout] : [];
  };
  const summary = (node: string) =>
    perhaps(kubectl({ cluster: bench.lab }, "get", "--raw", `/api/v1/nodes/${node}/proxy/stats/summary`));
  const summaries = (await Promise.all(nodes.map(summary))).flat();
  const pods = meshMemory(await ask("get", "pods", "--all-namespaces", "--output", "json"), summaries);
  const stats = ["stats", "--no-stream", "--format", "{{.MemUsage}}", ...nodes];
  const [usage] = await perhaps({ file: "docker", args: stats });
  return { pods, ...(usage ? { nodesMiB: nodesMemory(usage) } : {}) };
}

function known(script: Script | undefined): Script {
  if (!script) throw new RangeError("The plan runs the script before there was a lab to read it from");
  return script;
}

const notFlipped = () =>
  new LabError({
    what: "The policy flip was applied, and the cluster's policy is the one from before",
    why: "A change that does not arrive has no time",
    fix: "npm run lab -- verify authz-flip   (on a lab of yours)",
  });
