import { type Document, isMap, parseAllDocuments, parseDocument } from "yaml";

/** Configuration that changes the addons' manifests. */
export interface AddonSettings {
  /** The addons that are installed together. */
  addons: readonly string[];
}

/** Adapts a manifest to the lab. Kiali: the sample disables tracing, and does not have the addresses of the other addons. */
export function adaptAddon(name: string, manifest: string, settings: AddonSettings): string {
  if (name === "metallb") return adaptMetalLb(manifest);
  return name === "kiali" ? adaptKiali(manifest, settings) : manifest;
}

/**
 * Ignores failures of MetalLB's webhook. It answers some time after its pod is Ready (metallb/metallb#1597), and until then the
 * API server would refuse the lab's pool, which is valid without the check.
 */
function adaptMetalLb(manifest: string): string {
  return manifest.replaceAll(/^(\s*)failurePolicy: Fail$/gm, "$1failurePolicy: Ignore");
}

function adaptKiali(manifest: string, { addons }: AddonSettings): string {
  const documents = parseAllDocuments(manifest).filter((each): each is Document.Parsed => isMap(each.contents));
  const config = documents.find((each) => each.get("kind") === "ConfigMap" && each.hasIn(["data", "config.yaml"]));
  if (!config) throw new RangeError("Kiali's manifest has no ConfigMap with a config.yaml: its layout has changed");
  const kiali = parseDocument(String(config.getIn(["data", "config.yaml"])));
  kiali.setIn(["external_services", "prometheus", "url"], "http://prometheus.istio-system:9090");
  kiali.setIn(["external_services", "grafana", "enabled"], addons.includes("grafana"));
  kiali.setIn(["external_services", "grafana", "internal_url"], "http://grafana.istio-system:3000");
  kiali.setIn(["external_services", "tracing", "enabled"], addons.includes("jaeger"));
  kiali.setIn(["external_services", "tracing", "provider"], "jaeger");
  kiali.setIn(["external_services", "tracing", "use_grpc"], false);
  kiali.setIn(["external_services", "tracing", "internal_url"], "http://tracing.istio-system/jaeger");
  config.setIn(["data", "config.yaml"], kiali.toString());
  return documents.map((each) => each.toString({ directives: false })).join("---\n");
}
