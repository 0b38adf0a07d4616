import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import type { BillEntry } from "./bill";

const types: Record<BillEntry["kind"], Enums.ComponentType> = {
  chart: Enums.ComponentType.Application,
  manifest: Enums.ComponentType.File,
  tool: Enums.ComponentType.Application,
  plugin: Enums.ComponentType.Library,
  image: Enums.ComponentType.Container,
};

/**
 * The bill as a software bill of materials, CycloneDX 1.6 in JSON. Without a time and a serial number, so that the output is
 * reproducible.
 */
export function sbom(entries: readonly BillEntry[], lab: { name: string; version: string }): string {
  const component = new Models.Component(Enums.ComponentType.Application, lab.name, {
    version: lab.version,
    bomRef: lab.name,
  });
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component }) });
  for (const entry of entries) bom.components.add(componentOf(entry));
  const normalizers = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(normalizers).serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function componentOf({ kind, name, version, source, licence, digest }: BillEntry): Models.Component {
  const component = new Models.Component(types[kind], name, { version, bomRef: `${kind}/${name}@${version}` });
  component.licenses.add(new Models.LicenseExpression(licence));
  // The digest of an image is that of its manifest, not of a file: only the package URL contains it.
  if (kind !== "image" && digest) component.hashes.set(Enums.HashAlgorithm["SHA-256"], digest.replace(/^sha256:/, ""));
  const purl = purlOf(kind, name, version, digest);
  if (purl) component.purl = purl;
  if (/^https?:/.test(source))
    component.externalReferences.add(new Models.ExternalReference(source, Enums.ExternalReferenceType.Distribution));
  return component;
}

/**
 * Package URL of an image: type `oci` with its digest, or type `docker` with its tag if the digest is not known
 * (package-url/purl-spec). Other entries have an external reference instead.
 */
function purlOf(kind: BillEntry["kind"], name: string, version: string, digest?: string): string | undefined {
  if (kind !== "image") return undefined;
  const [first = "", ...rest] = name.split("/");
  const registry = /[.:]/.test(first) ? first : undefined;
  const path = registry ? rest : [first, ...rest];
  const repository = path.at(-1) ?? name;
  if (digest) {
    const qualifiers = { repository_url: `${registry ?? "docker.io"}/${path.join("/")}`, tag: version };
    return new PackageURL("oci", undefined, repository, digest, qualifiers, undefined).toString();
  }
  const qualifiers = registry && registry !== "docker.io" ? { repository_url: registry } : undefined;
  return new PackageURL("docker", path.slice(0, -1).join("/"), repository, version, qualifiers, undefined).toString();
}
