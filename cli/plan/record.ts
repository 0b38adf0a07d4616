import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";

/** A resource that the program declares. */
export interface Declared {
  urn: string;
  type: string;
  name: string;
  /** URN of the component that holds it. */
  parent: string;
  custom: boolean;
  inputs: Record<string, unknown>;
  /** URNs of its dependencies: of `dependsOn`, of its inputs, and its provider. */
  dependencies: readonly string[];
}

/** The fields of the SDK's registration request that are read. */
export interface Registration {
  getType(): string;
  getName(): string;
  getParent(): string;
  getCustom(): boolean;
  getProvider(): string;
  getDependenciesList(): string[];
}

/** The SDK's test monitor, which also records the dependencies in the registration requests. */
class RecordingMonitor extends MockMonitor {
  readonly declared: Declared[] = [];

  override async registerResource(
    request: Registration,
    callback: (error: unknown, response: { getUrn(): string }) => void,
  ): Promise<void> {
    const key = keyOf(request.getType(), request.getName());
    await super.registerResource(request, (error, response: { getUrn(): string }) => {
      if (!error) {
        const provider = request.getProvider().split("::").slice(0, -1).join("::");
        this.declared.push({
          urn: response.getUrn(),
          type: request.getType(),
          name: request.getName(),
          parent: request.getParent(),
          custom: request.getCustom(),
          inputs: inputs.get(key) ?? {},
          dependencies: [...request.getDependenciesList(), ...(provider ? [provider] : [])],
        });
      }
      callback(error, response);
    });
  }
}

const inputs = new Map<string, Record<string, unknown>>();
const keyOf = (type: string, name: string) => `${type} ${name}`;

/** Outputs of resources that the program reads. */
const answers: Readonly<Record<string, (inputs: Record<string, unknown>) => Record<string, unknown>>> = {
  "docker:index/network:Network": ({ ipamConfigs }) => ({ ipamConfigs: ipamConfigs ?? [{ subnet: "172.18.0.0/16" }] }),
  "command:local:Command": () => ({ stdout: "" }),
};

/**
 * Runs a Pulumi program in this process under the SDK's own test runtime: no engine, no Docker, no network.
 * @returns its resources in the order of their registration
 */
export async function recordProgram(project: string, stack: string, program: () => unknown): Promise<Declared[]> {
  inputs.clear();
  const mocks: pulumi.runtime.Mocks = {
    call: ({ inputs: args }) => args,
    newResource({ type, name, inputs: given }) {
      inputs.set(keyOf(type, name), given);
      return { id: `${name}-id`, state: { ...given, ...answers[type]?.(given) } };
    },
  };
  await pulumi.runtime.setMocks(mocks, project, stack, true);
  const monitor = new RecordingMonitor(mocks);
  setMockOptions(monitor, project, stack, true);
  await pulumi.runtime.runInPulumiStack(async () => {
    await program();
    return {};
  });
  await pulumi.runtime.disconnect();
  return monitor.declared;
}
