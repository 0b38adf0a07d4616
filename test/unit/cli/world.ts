import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/events";
import type { Engine, StackState } from "../../../cli/engine/types";
import type { Io } from "../../../cli/terminal/io";
import type { Exec, ExecResult } from "../../../host/exec";

import { FakeClock } from "../verify/fake/clock";

/** Answer of a fake program: what it prints, or exit code and stderr. */
export type Answer = string | { code: number; stderr: string };

/** An {@link Exec} that answers by the beginning of the command line, without the program's folder; all else is 127. */
export function fakeExec(answers: Record<string, Answer>): Exec & { calls: string[] } {
  const calls: string[] = [];
  const exec: Exec = async (file, args) => {
    const command = [basename(file), ...args].join(" ");
    calls.push(command);
    const key = Object.keys(answers)
      .filter((each) => command.startsWith(each))
      .sort((a, b) => b.length - a.length)[0];
    const answer = key === undefined ? { code: 127, stderr: `${file}: not found` } : (answers[key] ?? "");
    const result: ExecResult =
      typeof answer === "string"
        ? { command, code: 0, stdout: answer, stderr: "" }
        : { command, stdout: "", ...answer };
    return result;
  };
  return Object.assign(exec, { calls });
}

/** What `docker info` of a fit machine says. */
export const dockerInfo = {
  ServerVersion: "28.0.0",
  OperatingSystem: "Docker Desktop",
  KernelVersion: "6.10.14-linuxkit",
  NCPU: 8,
  MemTotal: 12 * 1024 ** 3,
  CgroupVersion: "2",
  DockerRootDir: "/var/lib/docker",
  DriverStatus: [["Backing Filesystem", "extfs"]],
};

/** Answers of a fit machine on which no lab was made yet. */
export const fitMachine: Record<string, Answer> = {
  "docker info": JSON.stringify(dockerInfo),
  "docker ps": "",
  "docker network": "",
  "docker version": "28.0.0",
  "docker context": "unix:///var/run/docker.sock",
  "docker exec": { code: 1, stderr: "no such container" },
  "ps -axo": "",
  "pulumi version": "v3.259.0",
  "kind version": "kind v0.33.0 go1.26.1 linux/amd64",
};

/** One step of the engine as its events tell it. */
export interface FakeStep {
  op: StepEventMetadata["op"];
  /** `ambientlab:mesh:Policies$kubernetes:...:AuthorizationPolicy::name` */
  path: string;
  parent?: string;
  old?: Record<string, unknown>;
  new?: Record<string, unknown>;
  detailedDiff?: StepEventMetadata["detailedDiff"];
  fails?: string;
}

/** URN of a resource of stack "dev". */
export const urnOf = (path: string) => `urn:pulumi:dev::ambient-lab::${path}`;

/** The events of some steps, in the order and shape in which the engine sends them. */
export function eventsOf(steps: readonly FakeStep[]): EngineEvent[] {
  const events = steps.flatMap((step): Partial<EngineEvent>[] => {
    const urn = urnOf(step.path);
    const type = (step.path.split("::")[0] ?? "").split("$").at(-1) ?? "";
    const isStack = type === "pulumi:pulumi:Stack";
    const parent = isStack ? "" : urnOf(step.parent ?? "pulumi:pulumi:Stack::ambient-lab-dev");
    const side = (inputs: Record<string, unknown>) => ({
      type,
      urn,
      id: "",
      parent,
      inputs,
      outputs: {},
      provider: "",
    });
    const metadata: StepEventMetadata = {
      ...{ op: step.op, urn, type, provider: "" },
      ...(step.old ? { old: side(step.old) } : {}),
      ...(step.op === "delete" && !step.old ? { old: side({}) } : { new: side(step.new ?? {}) }),
      ...(step.detailedDiff ? { detailedDiff: step.detailedDiff } : {}),
    };
    if (step.fails === undefined) return [{ resourcePreEvent: { metadata } }, { resOutputsEvent: { metadata } }];
    return [
      { resourcePreEvent: { metadata } },
      { diagnosticEvent: { urn, message: step.fails, color: "never", severity: "error" } },
      { resOpFailedEvent: { metadata, status: 0, steps: 0 } },
    ];
  });
  return events.map((event, sequence) => ({ sequence, timestamp: 0, ...event }));
}

/** An engine that plays steps and keeps a list of what was asked of it. */
export class FakeEngine implements Engine {
  readonly calls: string[] = [];
  stacks: string[];
  steps: FakeStep[] = [];
  stackState: StackState = { resources: [], pending: [] };
  stackOutputs: Record<string, unknown> = {};
  onCreate = () => {};
  /** Settings that the last preview was given in place of the stack's own. */
  previewed: string | undefined;

  constructor(stacks: string[] = []) {
    this.stacks = stacks;
  }

  async list() {
    return this.stacks.map((name) => ({ name, lastUpdate: "2026-11-23T10:00:00Z", resourceCount: 29 }));
  }
  async create() {
    this.calls.push("create");
    this.onCreate();
  }
  async select() {
    this.calls.push("select");
  }
  async up(options: Parameters<Engine["up"]>[0]) {
    this.#play("up", options);
  }
  async preview(options: Parameters<Engine["preview"]>[0]) {
    this.previewed = options.configFile && readFileSync(options.configFile, "utf8");
    this.#play("preview", options);
    return "the engine's own words\n";
  }
  async destroy(options: Parameters<Engine["destroy"]>[0]) {
    this.#play("destroy", options);
  }
  async takeLock() {
    this.calls.push("takeLock");
  }
  async refresh() {
    this.calls.push("refresh");
  }
  async forgetPending() {
    this.calls.push("forgetPending");
  }
  async state() {
    return this.stackState;
  }
  async outputs() {
    return this.stackOutputs;
  }
  async remove(options?: { force?: boolean }) {
    this.calls.push(options?.force ? "remove --force" : "remove");
  }

  #play(what: string, { onEvent }: Parameters<Engine["up"]>[0]): void {
    this.calls.push(what);
    for (const event of eventsOf(this.steps)) onEvent(event);
    if (this.steps.some(({ fails }) => fails !== undefined))
      throw new Error("code: -2\n stderr: the engine's long story");
  }
}

/** A checkout in a temporary folder, with the project file and what else is given. */
export function checkout(files: Record<string, string> = {}): string {
  const root = mkdtempSync(join(tmpdir(), "lab-cli-"));
  const all = { "Pulumi.yaml": "name: ambient-lab\nbackend:\n  url: file://~\n", ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(root, name), text);
  return root;
}

/** An {@link Io} that keeps what is printed. */
export function fakeIo(given: Partial<Io> & { engine?: Engine } = {}): Io & { out(): string; err(): string } {
  const texts = { out: "", err: "" };
  const { engine = new FakeEngine(), ...rest } = given;
  return {
    stdout: { write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text) },
    ...{ live: false, piped: false, columns: 120, root: checkout(), exec: fakeExec(fitMachine) },
    env: { PATH: toolsFolder() },
    claimFolder: mkdtempSync(join(tmpdir(), "lab-claims-")),
    fetcher: async (address) => {
      throw new Error(`no download of ${address} was expected`);
    },
    openEngine: async () => engine,
    openLabClient: async ({ context }) => {
      throw new Error(`no look into ${context} was expected`);
    },
    openCluster: async ({ context }) => {
      throw new Error(`no look into ${context} was expected`);
    },
    clock: new FakeClock(),
    signal: new AbortController().signal,
    nextSignal: () => new AbortController().signal,
    ...rest,
    out: () => texts.out,
    err: () => texts.err,
  };
}

/** A folder for the PATH with a pulumi and a kind; {@link fitMachine} tells their versions. */
function toolsFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lab-tools-"));
  for (const name of ["pulumi", "kind"]) writeFileSync(join(folder, name), "", { mode: 0o755 });
  return folder;
}

/** A lab home of this test file alone. */
export function ownLabHome(): string {
  const home = mkdtempSync(join(tmpdir(), "lab-home-"));
  process.env.AMBIENT_LAB_HOME = home;
  return home;
}
