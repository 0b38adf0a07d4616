import type { LabSettings } from "../config/schema";
import { apiVersions, appNamespace, type Kind, type Layer } from "../config/vocabulary";
import { type ModuleName, modules } from "../modules/index";
import type { Slice } from "../modules/slice";
import { type LabObject, table } from "./slices";

/** Where an object of the lab is, and which layer it belongs to. */
export interface ObjectSpec {
  apiVersion: string;
  kind: Kind;
  namespace?: string;
  name: string;
  layer: Layer;
  /** A Deployment without pods, which an experiment scales up for its own time. */
  idle?: true;
}

/** The objects that the verifier reads by name. Reports show the keys. */
export const objects = Object.fromEntries(
  Object.entries(table("objects")).map(([key, entry]) => {
    const [kind, named] = key.split("/") as [Kind, string];
    const { namespace = appNamespace, name = named, ...rest } = typeof entry === "string" ? { layer: entry } : entry;
    const place = kind === "Namespace" ? {} : { namespace };
    return [key, { apiVersion: apiVersions[kind], kind, ...place, name, ...rest }];
  }),
) as Readonly<Record<LabObject, ObjectSpec>>;

const owners = new Map<string, ModuleName>(
  (Object.entries(modules) as [ModuleName, Slice][]).flatMap(([module, slice]) =>
    Object.keys(slice.objects ?? {}).map((object): [string, ModuleName] => [object, module]),
  ),
);

/** The module that an object belongs to; undefined for the objects of the story. */
export const moduleOf = (object: LabObject): ModuleName | undefined => owners.get(object);

/** The objects of a lab with these settings. */
export const objectsOf = ({ modules }: Pick<LabSettings, "modules">): LabObject[] =>
  (Object.keys(objects) as LabObject[]).filter((object) => {
    const module = moduleOf(object);
    return module === undefined || modules.includes(module);
  });

/** The objects on the path of requests from a pod of the mesh to Service appb. */
export const meshPath = [
  "Namespace/default",
  "DaemonSet/ztunnel",
  "Deployment/appa",
  "Deployment/appb",
  "Gateway/waypoint",
  "Deployment/waypoint",
  "Service/appb",
] as const satisfies readonly LabObject[];

/** Further objects on the path of requests through the gateway. */
export const gatewayPath = [
  "Gateway/gateway",
  "Deployment/gateway-istio",
  "HTTPRoute/appb",
] as const satisfies readonly LabObject[];

/** The policies that apply to a request to appb. */
export const policies = [
  "AuthorizationPolicy/appb-l7",
  "AuthorizationPolicy/appb-waypoint-only",
] as const satisfies readonly LabObject[];
