import { annotationKeys, labelKeys, meshNamespace } from "../config/vocabulary";
import { ExitCode, LabErrors, type Problem } from "../host/errors";
import { type ApiObject, pathOf, type ReadApi } from "../host/kube-api";
import { ownerParts } from "../host/lab-owner";
import { type ClusterAddress, kubectlOf } from "../host/paths";
import { shellWord } from "../host/shell";

/** Identity of an object. */
interface ObjectName {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

/** Identity of a lab in an existing cluster. */
export interface OwnershipClaim {
  stack: string;
  /** Owner of the lab (host/lab-owner.ts). */
  owner: string;
  address: ClusterAddress;
}

/** Value of the annotation that records the lab that created an object: the stack and its owner. */
export const ownerRecord = (stack: string, owner: string): string => `${stack} ${owner}`;

/**
 * Requires that each object of an existing cluster is absent or the lab's own. The engine would overwrite another object of
 * the same name, and delete it with the lab.
 * @throws LabErrors (exit code 4) that name the objects and their owners
 */
export async function requireOwnObjects(
  read: ReadApi,
  objects: readonly ObjectName[],
  claim: OwnershipClaim,
): Promise<void> {
  const found = await Promise.all(objects.map(async (object) => ({ object, live: await read(pathOf(object)) })));
  const present = found.flatMap(({ object, live }) => (live ? [{ object, live }] : []));
  const mesh = present.find(({ object }) => object.kind === "Namespace" && object.name === meshNamespace)?.live;
  const unrecorded = mesh !== undefined && recordOf(mesh) === undefined && stackOf(mesh) === claim.stack;
  const ownMesh = mesh !== undefined && (unrecorded || recordOf(mesh) === ownerRecord(claim.stack, claim.owner));
  const foreign = present.filter(({ object, live }) => live !== mesh && !isOwn(object, live, claim, ownMesh));
  const others = mesh && !ownMesh ? [...present.filter(({ live }) => live === mesh), ...foreign] : foreign;
  const problems = [...(unrecorded ? [withoutRecord(claim)] : []), ...byOwner(others).map(foreignObjects)];
  if (problems.length > 0) throw new LabErrors(problems, ExitCode.unfit);
}

/**
 * Whether the lab created an object. Earlier versions wrote no record: if the mesh is the lab's own, their objects have the
 * field manager of Pulumi's provider, and their namespaces have the label.
 */
function isOwn({ kind }: ObjectName, live: ApiObject, { stack, owner }: OwnershipClaim, ownMesh: boolean): boolean {
  const record = recordOf(live);
  if (record !== undefined) return record === ownerRecord(stack, owner);
  if (!ownMesh) return false;
  if (stackOf(live) !== undefined || kind === "Namespace") return stackOf(live) === stack;
  return (live.metadata?.managedFields ?? []).some(({ manager }) => manager?.startsWith("pulumi-kubernetes"));
}

const recordOf = ({ metadata }: ApiObject) => metadata?.annotations?.[annotationKeys.owner];
const stackOf = ({ metadata }: ApiObject) => metadata?.labels?.[labelKeys.stack];

interface Foreign {
  object: ObjectName;
  live: ApiObject;
}

/** Groups objects by the owner that their marks name. */
function byOwner(foreign: readonly Foreign[]): { maker: string; objects: ObjectName[] }[] {
  const groups = new Map<string, ObjectName[]>();
  for (const { object, live } of foreign) {
    const maker = makerText(live);
    groups.set(maker, [...(groups.get(maker) ?? []), object]);
  }
  return [...groups].map(([maker, objects]) => ({ maker, objects }));
}

function makerText(live: ApiObject): string {
  const record = recordOf(live);
  if (record === undefined) return stackOf(live) === undefined ? "no lab made" : `lab "${stackOf(live)}" made`;
  const space = record.indexOf(" ");
  const { user, backend } = ownerParts(record.slice(space + 1));
  return `lab "${record.slice(0, space)}" of ${user || "another user"} made, whose state is in ${backend}`;
}

const listedAtMost = 6;

function foreignObjects({ maker, objects }: { maker: string; objects: readonly ObjectName[] }): Problem {
  const names = objects.slice(0, listedAtMost).map(textOf).join(", ");
  const more = objects.length > listedAtMost ? `, and ${objects.length - listedAtMost} more` : "";
  return {
    what: `The cluster has objects that ${maker}, and this lab makes objects of these names: ${names}${more}`,
    why: "The lab would overwrite them, and delete them when it is destroyed",
    fix: "npm run lab -- config set context NAME   (another cluster; or rename or delete what is there)",
  };
}

const withoutRecord = ({ stack, owner, address }: OwnershipClaim): Problem => ({
  what: `The namespace ${meshNamespace} of this cluster belongs to a lab "${stack}" without a record of its owner`,
  why: "A lab of the same name of another user would be taken over",
  fix: [
    `${kubectlOf(address)} annotate namespace ${meshNamespace} ${shellWord(`${annotationKeys.owner}=${ownerRecord(stack, owner)}`)}   (only if an earlier version of this lab made it)`,
    "npm run lab -- config set context NAME   (another cluster)",
  ].join("\n"),
});

const textOf = ({ kind, namespace, name }: ObjectName) => `${kind} ${namespace ? `${namespace}/` : ""}${name}`;
