import { type Deployment, LocalWorkspace, PulumiCommand, Stack } from "@pulumi/pulumi/automation";
import type { EngineEvent } from "@pulumi/pulumi/automation/events";
import { run } from "../../host/exec";
import { childSignal } from "../terminal/abort";
import { withoutHangup } from "./environment";
import type { Engine, EngineOptions, OperationOptions, PendingOperation, StackState, StateResource } from "./types";

/** {@link Engine} by Pulumi's Automation API, with the program of Pulumi.yaml and the installed `pulumi`. */
export async function openEngine({ stack: name, root, pulumi, env, exec }: EngineOptions): Promise<Engine> {
  const pulumiCommand = await PulumiCommand.get({ root: withoutHangup(pulumi), skipVersionCheck: true });
  const workspace = await LocalWorkspace.create({ workDir: root, pulumiCommand, envVars: env });
  const select = workspace.selectStack.bind(workspace);
  // A Stack object selects its stack in the user's workspace. Only `up` may change the selected stack.
  workspace.selectStack = () => Promise.resolve();
  const stack = () => Stack.select(name, workspace);

  return {
    list: () => workspace.listStacks(),
    async create() {
      // The Automation API cannot create a stack without selecting it.
      await run(exec, pulumi, ["stack", "init", name, "--no-select", "--non-interactive"], {
        ...{ cwd: root, env },
        why: "The lab's state needs a stack",
        fix: "unset PULUMI_BACKEND_URL PULUMI_CONFIG_PASSPHRASE PULUMI_CONFIG_PASSPHRASE_FILE   (or correct them)",
      });
    },
    select: () => select(name),
    async up(options) {
      await (await stack()).up({ ...followed(options), suppressProgress: true });
    },
    async preview(options) {
      const { diff = false, policyPack, configFile } = options;
      const policyPacks = policyPack ? [policyPack] : undefined;
      return (await (await stack()).preview({ ...followed(options), policyPacks, configFile, diff })).stdout;
    },
    async destroy(options) {
      await (await stack()).destroy({ ...followed(options), suppressProgress: true });
    },
    async takeLock(options) {
      // A refresh takes the lock in every kind of backend. A component such as the Stack has no provider, so that nothing is
      // read (pulumi/pulumi v3.259.0, RefreshStep.Apply() in pkg/resource/deploy/step.go).
      const { resources } = stateOf(await workspace.exportStack(name));
      const target = resources.filter(({ type }) => type === "pulumi:pulumi:Stack").map(({ urn }) => urn);
      await (await stack()).refresh({ ...followed(options), target });
    },
    async refresh(options) {
      await (await stack()).refresh({ ...followed(options), clearPendingCreates: true });
    },
    async forgetPending() {
      const exported = await workspace.exportStack(name);
      await workspace.importStack(name, {
        ...exported,
        deployment: { ...exported.deployment, pending_operations: [] },
      });
    },
    state: async () => stateOf(await workspace.exportStack(name)),
    async outputs(other = name) {
      const outputs = await workspace.stackOutputs(other);
      return Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value]));
    },
    remove: (options = {}) => workspace.removeStack(name, { preserveConfig: true, ...options }),
  };
}

function followed({ onEvent, signal }: OperationOptions) {
  let interrupted = false;
  return {
    onEvent: (event: EngineEvent) => {
      // pulumi/pulumi v3.259.0, pkg/backend/cancellation_scope.go, NewScope().
      interrupted ||= /^(\^C|SIGTERM) received; cancelling/.test(event.stdoutEvent?.message ?? "");
      onEvent(event);
    },
    signal: childSignal(signal, () => interrupted),
    color: "never" as const,
  };
}

function stateOf({ deployment }: Deployment): StackState {
  const {
    resources,
    pending_operations: pending,
  }: { resources?: StateResource[]; pending_operations?: PendingOperation[] } = deployment ?? {};
  return { resources: resources ?? [], pending: pending ?? [] };
}
