import type { LabSettings } from "../../../../config/schema";
import type { LabFacts } from "../../../../experiments/types";
import { parseFacts } from "../../../../verify";
import { listAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { type Declared, declare } from "../../../support/program";
import { labFacts } from "./facts";

/** A Helm release of the program. */
export interface Release {
  name: string;
  namespace: string;
  values: unknown;
}

/** The parts of a declaration from which the fake cluster is built. */
export interface DeclaredLab {
  /** The facts that the verifier reads from the outputs of the stack. */
  facts: LabFacts;
  /** Objects that the program applies, as in the requests of Pulumi. */
  objects: KubeObject[];
  /** Changes to objects that the program does not own: enrolment of the namespace, wait for a Gateway's Deployment. */
  patches: KubeObject[];
  releases: Release[];
  /** Nodes of the kind cluster, in the order of kind's configuration. */
  nodes: { role: string; ports: { containerPort: number; hostPort: number }[] }[];
  /** Kernel settings that the program raises on every node. */
  sysctls: Record<string, number>;
}

const declarations = new Map<string, Promise<DeclaredLab>>();

/** The lab that the program declares for the settings. Each call returns a copy, which a test may change. */
export async function declaredLab(settings: Partial<LabSettings> = {}): Promise<DeclaredLab> {
  const key = JSON.stringify(labFacts(settings).settings);
  const found = declarations.get(key) ?? readDeclaration(settings);
  declarations.set(key, found);
  return structuredClone(await found);
}

async function readDeclaration(settings: Partial<LabSettings>): Promise<DeclaredLab> {
  const { stack, kubeconfig, tls, settings: whole } = labFacts(settings);
  const { httpsPort = 443, ...config } = whole;
  const { resources, outputs, find } = await declare(config, { httpPort: 18_080, httpsPort }, stack);
  const { cluster } = outputs.settings as { cluster: unknown };
  // Tests must not read the files of a lab of this machine.
  const facts = parseFacts({
    ...outputs,
    stack,
    cluster,
    kubeconfig,
    ...(tls ? { tls: { ...Object(outputs.tls), caFile: tls.caFile } } : {}),
  });
  const inCluster = resources.filter(({ type, custom }) => custom && type.startsWith("kubernetes:"));
  const isRelease = ({ type }: Declared) => type === "kubernetes:helm.sh/v3:Release";
  const isPatch = ({ type }: Declared) => type.endsWith("Patch");
  const environment = find("cluster-sysctls").inputs.environment as { SYSCTLS: string };
  return {
    facts,
    objects: inCluster.filter((each) => !isRelease(each) && !isPatch(each)).map(({ inputs }) => inputs as KubeObject),
    patches: inCluster.filter(isPatch).map(({ inputs }) => inputs as KubeObject),
    releases: inCluster.filter(isRelease).map(({ inputs }) => ({
      name: textAt(inputs, "name") ?? "",
      namespace: textAt(inputs, "namespace") ?? "",
      values: inputs.values,
    })),
    nodes: listAt(JSON.parse(String(find("cluster-kind").inputs.stdin)), "nodes").map((node) => ({
      role: textAt(node, "role") ?? "",
      ports: [...listAt(node, "extraPortMappings")] as DeclaredLab["nodes"][number]["ports"],
    })),
    sysctls: Object.fromEntries(
      environment.SYSCTLS.split("\n").map((line) => {
        const [name = "", value] = line.split("=");
        return [name, Number(value)];
      }),
    ),
  };
}
