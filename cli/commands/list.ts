import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type ClusterState, clusterState } from "../../host/cluster-state";
import { LabError } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { kindClusterLabel, listNodes } from "../../host/kind-nodes";
import { clusterName } from "../../host/paths";
import { tableLines } from "../../host/table";
import type { Engine, StackSummary } from "../engine/types";
import { evidenceHome, newestEvidence, readEvidence } from "../report/evidence";
import { readOutputs } from "../stack/lab";
import { bytesText, memoryOf, totalOf } from "../stack/nodes";
import { type CommonOptions, openSession, sessionEngine } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `list`: shows every lab of the backend. */
export function registerList(program: Command, { io }: CommandContext): void {
  const command = program.command("list").description("list the labs: address, versions, age, memory, last verdict");
  examples(json(common(command)), "npm run lab -- list", "npm run lab -- list --json");
  command.action(async (options: CommonOptions & { json?: boolean }) => {
    const session = openSession(io, options);
    const engine = await sessionEngine(session, { install: false, makesClusters: false });
    const labs = await labsOf(engine, io.exec);
    if (options.json) io.stdout.write(jsonText(labs));
    else
      io.stdout.write(labs.length > 0 ? listText(labs, io.clock.now()) : "There is no lab yet. Make one: npm run up\n");
  });
}

function listText(labs: readonly LabSummary[], now: number): string {
  const paused = labs.filter(({ cluster }) => cluster === "paused");
  const hints = paused.map(({ stack }) => `! ${stack} is paused: npm run lab -- resume --stack ${stack}\n`);
  const rows = labs.map((lab) => rowOf(lab, now));
  const lines = tableLines([Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]);
  return `${lines.join("\n")}\n${hints.join("")}`;
}

function rowOf({ stack, cluster, url, versions, madeAt, memoryBytes, verdict }: LabSummary, now: number) {
  return {
    stack,
    cluster,
    url: url ?? "-",
    istio: versions.istio ?? "-",
    kubernetes: versions.kubernetes ?? "-",
    age: madeAt ? age(now - Date.parse(madeAt)) : "-",
    memory: memoryBytes === undefined ? "-" : bytesText(memoryBytes),
    "last verdict": verdict ? `${verdict.verdict}, ${age(now - Date.parse(verdict.at))} ago` : "never proven",
  };
}

/** A duration in its largest unit: 40 s, 5 min, 3 h, 12 d. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** A lab in the list. Unknown facts are absent. */
interface LabSummary {
  stack: string;
  /** `unknown` while Docker does not answer. */
  cluster: ClusterState | "existing" | "unknown";
  url?: string;
  versions: { istio?: string; kubernetes?: string };
  /** Creation of the cluster's oldest node, ISO 8601. */
  madeAt?: string;
  /** Memory of the running nodes, in bytes. */
  memoryBytes?: number;
  /** Verdict of the newest run of all experiments in the evidence of the stack. */
  verdict?: { verdict: "pass" | "fail" | "inconclusive"; at: string };
  lastUpdate?: string;
  resources: number;
}

/** A node container of any kind cluster. */
interface NodeFacts {
  cluster: string;
  name: string;
  running: boolean;
  image: string;
  madeAt: number;
}

/** Reads every lab of the backend, in parallel. */
async function labsOf(engine: Engine, exec: Exec): Promise<LabSummary[]> {
  const [stacks, nodes] = await Promise.all([engine.list(), allNodes(exec)]);
  const names = stacks.map(({ name }) => name.split("/").at(-1) ?? name);
  const ours = new Set(names.map(clusterName));
  const running = nodes?.filter(({ cluster, running }) => running && ours.has(cluster)) ?? [];
  const memory = memoryOf(
    running.map(({ name }) => name),
    exec,
  );
  return Promise.all(
    stacks.map(async (summary, index) => {
      const stack = names[index] ?? "";
      const own = nodes?.filter(({ cluster }) => cluster === clusterName(stack));
      return labOf(stack, summary, { engine, exec, nodes: own, memory });
    }),
  );
}

interface Sources {
  engine: Engine;
  exec: Exec;
  /** Absent while Docker does not answer. */
  nodes: readonly NodeFacts[] | undefined;
  memory: Promise<ReadonlyMap<string, number>>;
}

async function labOf(stack: string, summary: StackSummary, { engine, exec, nodes, memory }: Sources) {
  const [raw, state, used] = await Promise.all([engine.outputs(stack), clusterState(stack, exec), memory]);
  const outputs = readOutputs(raw);
  const existing = outputs.settings?.cluster === "existing";
  const own = existing ? [] : (nodes ?? []);
  const bytes = totalOf(new Map([...used].filter(([name]) => own.some((node) => node.name === name))));
  const kubernetes = own.map(({ image }) => /:v?(\d+\.\d+\.\d+)/.exec(image)?.[1]).find(Boolean);
  const made = Math.min(...own.map(({ madeAt }) => madeAt));
  const proven = lastVerdict(stack);
  const { istio } = outputs.versions ?? {};
  const lab: LabSummary = {
    stack,
    cluster: existing ? "existing" : nodes ? state : "unknown",
    ...(outputs.url ? { url: outputs.url } : {}),
    versions: { ...(istio ? { istio } : {}), ...(kubernetes ? { kubernetes } : {}) },
    ...(Number.isFinite(made) ? { madeAt: new Date(made).toISOString() } : {}),
    ...(bytes === undefined ? {} : { memoryBytes: bytes }),
    ...(proven ? { verdict: proven } : {}),
    ...(summary.lastUpdate ? { lastUpdate: summary.lastUpdate } : {}),
    resources: summary.resourceCount ?? 0,
  };
  return lab;
}

/** The nodes of all kind clusters; undefined when Docker does not answer. */
async function allNodes(exec: Exec): Promise<NodeFacts[] | undefined> {
  const columns = [`{{.Label "${kindClusterLabel}"}}`, "{{.Names}}", "{{.State}}", "{{.Image}}", "{{.CreatedAt}}"];
  const { code, stdout } = await listNodes(exec, columns.join("\t"));
  if (code !== 0) return undefined;
  return stdout.split("\n").flatMap((line) => {
    const [cluster, name, state, image = "", created = ""] = line.split("\t");
    if (!cluster || !name) return [];
    return [{ cluster, name, running: state === "running", image, madeAt: timeOf(created) }];
  });
}

/** Docker writes "2026-11-23 10:00:00 +0000 UTC". */
function timeOf(created: string): number {
  const [, day, time, hours, minutes] = /^(\S+) (\S+) ([+-]\d\d)(\d\d)\b/.exec(created) ?? [];
  return Date.parse(`${day}T${time}${hours}:${minutes}`);
}

/** Verdict of the newest evidence of a stack. */
function lastVerdict(stack: string): LabSummary["verdict"] {
  const home = evidenceHome(stack);
  if (!existsSync(home)) return undefined;
  try {
    const { report } = readEvidence(newestEvidence([home]));
    return { verdict: report.verdict, at: report.startedAt };
  } catch (error) {
    // Evidence of another version, or of an interrupted run, must not break the list.
    if (error instanceof LabError) return undefined;
    throw error;
  }
}
