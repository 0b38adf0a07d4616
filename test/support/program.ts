import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";
import * as state from "@pulumi/pulumi/runtime/state";
import type { Artifacts } from "../../artifacts/fetch";
import type { Registration as PlannedRegistration } from "../../cli/plan/record";
import { parseConfig } from "../../config/load";
import type { HostFacts } from "../../preflight/host";
import { declareLab, type LabInput } from "../../program/lab";
import { tlsOutputs } from "./fake-tls-provider";

/** A resource as the engine would get it. */
export interface Declared {
  /** Its Pulumi name. For a component, the name of its class, since its main resource often has the same name. */
  name: string;
  type: string;
  /** False for components. */
  custom: boolean;
  inputs: Record<string, unknown>;
  /** Its inputs as the engine would get them, with a placeholder for each secret. */
  plain: unknown;
  parent?: string;
  /** Its dependencies by `dependsOn` and inputs; a component is replaced by its resources. */
  dependsOn: readonly string[];
  provider?: string;
  /** Its own value, or the value that it inherits from the nearest parent component. */
  deletedWith?: string;
  /** Its registration request. */
  request: Registration;
}

/** The resources and outputs that a run of the program declares. */
export interface Declaration {
  resources: readonly Declared[];
  outputs: Record<string, unknown>;
  /** The only resource of this name. */
  find(name: string): Declared;
  /**
   * All resources that must exist before this resource is registered: its dependencies, its component with its dependencies,
   * its provider, and its `deletedWith` resource, since the SDK awaits each of their URNs.
   */
  waitsFor(name: string): ReadonlySet<string>;
}

/** The fields of the SDK's registration request that a plan or a test reads. */
interface Registration extends PlannedRegistration {
  getDeletedwith(): string;
  getObject(): { toJavaScript(): unknown };
  getDeletebeforereplace(): boolean;
  getIgnorechangesList(): string[];
}

/** Records the registration requests, which have also the options: the SDK's test monitor passes on only the inputs. */
class RecordingMonitor extends MockMonitor {
  readonly requests = new Map<string, Registration>();

  override registerResource(
    request: Registration,
    callback: (error: unknown, response: { getUrn(): string }) => void,
  ): Promise<void> {
    return super.registerResource(request, (error: unknown, response: { getUrn(): string }) => {
      if (!error) this.requests.set(response.getUrn(), request);
      callback(error, response);
    });
  }
}

const fakeArtifacts: Artifacts = {
  chart: (name) => `/artifacts/${name}`,
  images: (name) => [`registry.test/${name}:1`],
  daemons: () => [],
};

/** Outputs that the program reads of its resources, by type; a function computes them from the inputs. */
const outputsOf: Readonly<Record<string, (inputs: Record<string, unknown>) => Readonly<Record<string, unknown>>>> = {
  ...tlsOutputs,
  "docker:index/network:Network": () => ({ ipamConfigs: [{ subnet: "fd00::/64" }, { subnet: "172.30.0.0/16" }] }),
  "command:local:Command": () => ({ stdout: `sha256:${"0".repeat(64)}` }),
  "kubernetes:core/v1:Service": () => ({ status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } }),
};

const declarations = new Map<string, Promise<Declaration>>();

/**
 * Runs program/lab.ts with the SDK's test runtime, which creates nothing. The same arguments give the same declaration, which
 * tests must not change.
 */
export function declare(
  raw: Record<string, unknown> = {},
  facts: Partial<HostFacts> = {},
  stack = "unit",
  claim?: LabInput["claim"],
): Promise<Declaration> {
  if (claim) return runProgram(raw, facts, stack, claim);
  const key = JSON.stringify([raw, { ...machine, ...facts }, stack], (_, value) => value ?? null);
  const found = declarations.get(key) ?? runProgram(raw, facts, stack);
  declarations.set(key, found);
  return found;
}

const machine = { httpPort: 21_000, httpsPort: 11_000, dockerHost: "unix:///var/run/docker.sock" };

async function runProgram(
  raw: Record<string, unknown>,
  facts: Partial<HostFacts>,
  stack: string,
  claim?: LabInput["claim"],
): Promise<Declaration> {
  const config = parseConfig(raw);
  const host = { ...machine, ...facts };
  const inputs = new Map<string, Record<string, unknown>>();
  const monitor = new RecordingMonitor({
    newResource: (args) => {
      if (args.custom !== false) inputs.set(args.name, args.inputs);
      return { id: `${args.name}-id`, state: { ...args.inputs, ...outputsOf[args.type]?.(args.inputs) } };
    },
    call: () => ({}),
  });
  const outputs = await isolated(async () => {
    await pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) });
    setMockOptions(monitor, "ambient-lab", "unit");
    const running = pulumi.runtime.runInPulumiStack(async () =>
      declareLab({
        ...{
          stack,
          owner: "alice@laptop file:///home/alice",
          organization: "organization",
          config,
          artifacts: fakeArtifacts,
          host,
        },
        ...(claim ? { claim } : {}),
      }),
    );
    const raw: Record<string, unknown> = (await running) ?? {};
    await pulumi.runtime.disconnect();
    return known(pulumi.output(raw));
  });
  return declarationOf(monitor.requests, inputs, outputs);
}

/** The SDK keeps the state of a program in the process: each run gets its own store, as inline programs do. */
async function isolated<T>(run: () => Promise<T>): Promise<T> {
  const within: (run: () => Promise<T>) => Promise<T> = Reflect.get(state, "withLocalStorage");
  // The SDK keeps a stack trace of each of its promises (runtime/debuggable.ts), which takes most of the time.
  Error.stackTraceLimit = 0;
  return within(run).finally(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
}

const { stackTraceLimit } = Error;

function declarationOf(
  requests: ReadonlyMap<string, Registration>,
  inputs: ReadonlyMap<string, Record<string, unknown>>,
  outputs: Record<string, unknown>,
): Declaration {
  const byName = new Map<string, Declared>();
  const nameOf = (urn: string) => shortName(urn, requests);
  for (const [urn, request] of requests) {
    if (request.getType() === "pulumi:pulumi:Stack") continue;
    const name = nameOf(urn);
    if (byName.has(name)) throw new Error(`Two resources are named "${name}"`);
    const parent = byName.get(nameOf(request.getParent()));
    const deletedWith = nameOf(request.getDeletedwith()) || parent?.deletedWith;
    const provider = request.getProvider().split("::").slice(0, -1).join("::");
    byName.set(name, {
      name,
      type: request.getType(),
      custom: request.getCustom(),
      plain: mapSecrets(request.getObject().toJavaScript(), () => "[secret]"),
      inputs: mapSecrets((request.getCustom() && inputs.get(name)) || {}, ({ value }) => value) as Declared["inputs"],
      dependsOn: request.getDependenciesList().map(nameOf),
      request,
      ...(parent ? { parent: parent.name } : {}),
      ...(provider ? { provider: nameOf(provider) } : {}),
      ...(deletedWith ? { deletedWith } : {}),
    });
  }
  const find = (name: string) => {
    const found = byName.get(name);
    if (!found) throw new Error(`No resource is named "${name}", only ${[...byName.keys()].join(", ")}`);
    return found;
  };
  const waitsFor = (name: string, seen = new Set<string>()): Set<string> => {
    const { dependsOn, parent, provider, request } = find(name);
    for (const next of [...dependsOn, parent, provider, nameOf(request.getDeletedwith()) || undefined]) {
      if (next === undefined || seen.has(next)) continue;
      seen.add(next);
      waitsFor(next, seen);
    }
    return seen;
  };
  return { resources: [...byName.values()], outputs, find, waitsFor: (name) => waitsFor(name) };
}

/** The SDK wraps a secret in a map with this signature (pulumi/pulumi, sdk/nodejs/runtime/rpc.ts). */
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

function mapSecrets(value: unknown, to: (wrapped: { value?: unknown }) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => mapSecrets(item, to));
  const entries = Object.entries(value);
  if (entries.some(([, item]) => item === secretSignature)) return to(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, mapSecrets(item, to)]));
}

function shortName(urn: string, requests: ReadonlyMap<string, Registration>): string {
  const request = requests.get(urn);
  const name = request?.getCustom() === false ? request.getType().split(":").at(-1) : urn.split("::").at(-1);
  return name ?? "";
}

function known<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
