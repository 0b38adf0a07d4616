import { agentgateway } from "./agentgateway/objects";
import { chaos } from "./chaos/objects";
import { cost } from "./cost/objects";
import { crossNamespace } from "./cross-namespace/objects";
import { egress } from "./egress/objects";
import { gatewayJwt } from "./gateway-jwt/objects";
import { gatewayTls } from "./gateway-tls/objects";
import { grpc } from "./grpc/objects";
import { l4l7 } from "./l4-l7/objects";
import { resilience } from "./resilience/objects";
import type { Slice } from "./slice";
import { strictMtls } from "./strict-mtls/objects";
import { trafficSplit } from "./traffic-split/objects";

/**
 * Experiments beyond the story; each adds the objects it needs, and only in a lab whose configuration names it. The ids and
 * all tables and types of names derive from this registry; `experiments.ts` and `components.ts` are separate because of
 * import cycles, and because the verifier does not load Pulumi.
 */
export const modules = {
  // It changes objects of the story, and has none of its own.
  "fail-open": {},
  "l4-l7": l4l7,
  "traffic-split": trafficSplit,
  resilience,
  egress,
  "cross-namespace": crossNamespace,
  grpc,
  "strict-mtls": strictMtls,
  chaos,
  "gateway-tls": gatewayTls,
  "gateway-jwt": gatewayJwt,
  agentgateway,
  cost,
} as const satisfies Record<string, Slice>;
export type ModuleName = keyof typeof modules;

/** Ids of all modules, in the order of reports. */
export const moduleNames = Object.keys(modules) as [ModuleName, ...ModuleName[]];

/** Images of a module's pods, without those of Istio and of the apps. */
export function imagesOfModule(module: ModuleName, istio: string): readonly string[] {
  const { images }: Slice = modules[module];
  return images?.(istio) ?? [];
}

/** {@link imagesOfModule} of some modules. */
export const moduleImagesOf = (names: readonly ModuleName[], istio: string): string[] =>
  moduleNames.flatMap((module) => (names.includes(module) ? imagesOfModule(module, istio) : []));
