import type { Layer, ModuleName } from "../config/vocabulary";

/** Where an object of the lab is, and which layer it belongs to. */
export interface ObjectSpec {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
  layer: Layer;
  /** It is there only in a lab that has the module. */
  module?: ModuleName;
}

export const core = "v1";
export const apps = "apps/v1";
export const gatewayApi = "gateway.networking.k8s.io/v1";
export const security = "security.istio.io/v1";
export const networking = "networking.istio.io/v1";

/** An object of the lab, by default one in the namespace of the story. */
export const lab = (
  apiVersion: string,
  kind: string,
  name: string,
  layer: Layer,
  namespace = "default",
): ObjectSpec => ({ apiVersion, kind, namespace, name, layer });
