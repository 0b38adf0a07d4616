import { messageOf } from "../../host/errors";
import { clientConfig, openApi, type ReadApi } from "../../host/kube-api";
import type { ClusterAddress } from "../../host/paths";
import { differences, sameJson } from "../../verify/json";
import { withPlainSecrets } from "../engine/secrets";
import type { StateResource } from "../engine/types";
import { labAddress, sameAddress } from "../stack/lab";
import { fieldManagers } from "./field-managers";
import { doubtfulDefinitions, type ReleasedObject, releasedObjects, untilServed } from "./released-objects";

/** Loaded on demand: that takes a third of a second. */
const client = () => import("@kubernetes/client-node");
type ObjectApi = InstanceType<Awaited<ReturnType<typeof client>>["KubernetesObjectApi"]>;

/** An object of the stack that was changed or deleted since the last `up`, and not by the engine. */
export interface DriftedObject {
  /** Such as `AuthorizationPolicy default/appb-l7`. */
  object: string;
  /** Paths that differ, such as `spec.rules[0].to[0]`; empty when the object does not exist. */
  paths: readonly string[];
  /** Field managers that wrote these paths, such as `kubectl-edit`; empty when they are not known. */
  managers: readonly string[];
  /** Whether it is a CustomResourceDefinition, which others in the cluster may use as well. */
  isDefinition: boolean;
  /** Applies the object as the last `up` declared it. */
  reconcile(): Promise<void>;
}

/** An object of the stack with fields of another field manager that have the stack's values. */
interface SharedObject {
  object: string;
  managers: readonly string[];
}

/** Differences between the stack's objects in the cluster and the last `up`. */
export interface Drift {
  changed: readonly DriftedObject[];
  shared: readonly SharedObject[];
}

/**
 * Compares the objects of the stack, and those of its Helm releases, with the cluster, by a dry run of a server-side apply:
 * defaults and other notations of the same value are no drift.
 *
 * The engine does not reconcile these objects: another writer becomes the manager of the fields, and even after
 * `pulumi up --refresh` the engine regards its part of the object as unchanged (seen with engine 3.260 and kubernetes 4.34). Of
 * a release it compares only chart and values.
 * @returns undefined when the cluster does not answer
 */
export async function findDrift(
  resources: readonly StateResource[],
  address: ClusterAddress,
): Promise<Drift | undefined> {
  const plain = resources.flatMap(declaredIn);
  if (plain.length === 0) return { changed: [], shared: [] };
  const config = await clientConfig(address);
  if (!config) return undefined;
  const { KubeConfig, KubernetesObjectApi } = await client();
  const within = (namespace: string) => {
    const other = new KubeConfig();
    other.loadFromOptions({ ...config, contexts: config.contexts.map((context) => ({ ...context, namespace })) });
    return KubernetesObjectApi.makeApiClient(other);
  };
  try {
    const { objects, definitions } = await releasedObjects(config, resources);
    const released = objects.map(declaredByRelease);
    const read = await openApi(address);
    const doubtful = (await doubtfulDefinitions(read, definitions)).map(({ parse }) => declaredByRelease(parse()));
    const apis = new Map<string, ObjectApi>();
    const found = await Promise.all([
      // Before the objects that they define.
      ...doubtful.map(async (each) => compareDefinition(await rawApi(config, each.inputs), each, read)),
      ...[...plain, ...released].map((each) => {
        const namespace = each.namespace ?? "default";
        const api = apis.get(namespace) ?? within(namespace);
        apis.set(namespace, api);
        return compare(api, each);
      }),
    ]);
    return { changed: found.flatMap(({ changed }) => changed), shared: found.flatMap(({ shared }) => shared) };
  } catch {
    return undefined;
  }
}

/** A client that sends an object unchanged. The standard client drops fields that its types lack, such as schema extensions. */
async function rawApi(config: NonNullable<Awaited<ReturnType<typeof clientConfig>>>, object: KubernetesObject) {
  const { createConfiguration, HttpMethod, KubernetesObjectApi, ServerConfiguration } = await client();
  const body = JSON.stringify(object);
  return new KubernetesObjectApi(
    createConfiguration({
      baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? "", {}),
      authMethods: { default: config },
      promiseMiddleware: [
        {
          pre: async (context) => {
            if (context.getHttpMethod() === HttpMethod.PATCH) context.setBody(body);
            return context;
          },
          post: async (context) => context,
        },
      ],
    }),
  );
}

async function compareDefinition(api: ObjectApi, each: Declared, read: ReadApi): Promise<Drift> {
  const { changed } = await compare(api, each);
  const served = (drifted: DriftedObject): DriftedObject => ({
    ...drifted,
    isDefinition: true,
    reconcile: async () => {
      await drifted.reconcile();
      await untilServed(read, each.inputs);
    },
  });
  return { changed: changed.map(served), shared: [] };
}

async function compare(api: ObjectApi, each: Declared): Promise<Drift> {
  const { ApiException, PatchStrategy } = await client();
  const { inputs, manager, isPatch, release } = each;
  const apply = (dryRun?: "All") => api.patch(inputs, undefined, dryRun, manager, true, PatchStrategy.ServerSideApply);
  const reconcile = async () => void (await apply());
  const { name = "", ...place } = inputs.metadata ?? {};
  // The client adds the namespace to an object that names none.
  const target = { ...inputs, metadata: { ...place, name } };
  const drifted = (paths: string[], managers: string[]): Drift => ({
    changed: [{ object: objectText(target, release), paths, managers, isDefinition: false, reconcile }],
    shared: [],
  });
  try {
    const read = await api.read(target);
    const [wanted, live] = [withoutServerFields(await apply("All")), withoutServerFields(read)];
    const paths = differences(wanted, live).map(({ path }) => path);
    const others = (read.metadata?.managedFields ?? []).filter((entry) => entry.manager !== manager);
    if (paths.length > 0)
      return drifted(
        paths,
        fieldManagers(others, { declared: wanted, live }, (a, b) => !sameJson(a, b)),
      );
    // Helm, controllers and hooks share the objects of a release: only differences are drift.
    const managers = release ? [] : fieldManagers(others, { declared: withLastApplied(inputs), live }, () => true);
    return { changed: [], shared: managers.length > 0 ? [{ object: objectText(target), managers }] : [] };
  } catch (thrown) {
    // The definition of its kind was deleted, and other kinds of the group exist (client-node object.ts, specUriPath).
    const undefinedKind = thrown instanceof Error && thrown.message.startsWith("Unrecognized API version and kind");
    if (undefinedKind && !isPatch) return drifted([], []);
    if (!(thrown instanceof ApiException)) throw thrown;
    // A patched object belongs to another owner: without the object there is nothing to patch.
    if (thrown.code === 404 && !isPatch) return drifted([], []);
    // The engine gets the same error, and reports it.
    return { changed: [], shared: [] };
  }
}

function objectText({ kind, metadata }: KubernetesObject, release?: string): string {
  const name = `${kind} ${metadata?.namespace ? `${metadata.namespace}/` : ""}${metadata?.name}`;
  return release ? `${name} of Helm release ${release}` : name;
}

/** An object of the state that the engine did not create. */
export interface ReplacedObject {
  /** Such as `Namespace egress`. */
  object: string;
  urn: string;
}

/**
 * Objects of the stack that others deleted and created again: the field manager of the stack's resource manages no field of
 * them. The engine deletes by name, and would delete them.
 * @returns none when the cluster does not answer
 */
export async function findReplaced(
  resources: readonly StateResource[],
  address: ClusterAddress,
): Promise<ReplacedObject[]> {
  const config = await clientConfig(address);
  if (!config) return [];
  const { ApiException, KubernetesObjectApi } = await client();
  const api = KubernetesObjectApi.makeApiClient(config);
  const found = await Promise.all(
    resources.map(async (resource) => {
      const [declared] = declaredIn(resource);
      const { name, ...place } = declared?.inputs.metadata ?? {};
      if (!declared || declared.isPatch || !name) return [];
      const { inputs, manager } = declared;
      const live = await api.read({ ...inputs, metadata: { ...place, name } }).catch((thrown: unknown) => {
        if (thrown instanceof ApiException && thrown.code !== 404) throw thrown;
        return undefined;
      });
      const holds = live?.metadata?.managedFields?.some((entry) => entry.manager === manager);
      return live && !holds ? [{ object: objectText(inputs), urn: resource.urn }] : [];
    }),
  );
  return found.flat();
}

/**
 * Reconciles drift: applies the changed objects of the stack again, because the engine does not notice the changes.
 * @param address cluster of the configuration. For a lab in another cluster nothing is done: the engine moves it.
 * @param ofOthers whether others have objects in the cluster. Objects that they created in place of the stack's stay: the
 * program refuses them.
 */
export async function reconcileDrift(
  resources: readonly StateResource[],
  { address, ofOthers }: { address: ClusterAddress; ofOthers: boolean },
  say: (line: string) => void,
): Promise<void> {
  const current = labAddress(resources);
  if (!current || !sameAddress(current, address)) return;
  const changed = (await findDrift(resources, current))?.changed ?? [];
  const replaced = ofOthers && changed.length > 0 ? await findReplaced(resources, current) : [];
  for (const drifted of changed) {
    if (replaced.some(({ object }) => object === drifted.object)) {
      say(`${drifted.object} was replaced by others   (not put back)`);
      continue;
    }
    if (ofOthers && drifted.isDefinition && drifted.paths.length > 0) {
      say(`${driftText(drifted)}   (not put back: others in this cluster may need it)`);
      continue;
    }
    const outcome = await drifted.reconcile().then(
      () => "(put back)",
      // Its kind or namespace may not exist either, which the engine and the experiments report.
      (refused: unknown) => `(not put back: ${messageOf(refused).split("\n")[0]})`,
    );
    say(`${driftText(drifted)}   ${outcome}`);
  }
}

/** The drift as lines of text, each with the action of the next `up`. */
export function driftTexts({ changed, shared }: Drift): string[] {
  return [
    ...changed.map((each) => `${driftText(each)}   (npm run up puts it back)`),
    ...shared.map(
      ({ object, managers }) => `${object} is also written by ${quoted(managers)}   (the stack's values win)`,
    ),
  ];
}

/** A drifted object as a line of text. */
export function driftText({ object, paths, managers }: DriftedObject): string {
  if (paths.length === 0) return `${object} was deleted by hand`;
  // Another version of a definition differs in hundreds of paths.
  const more = paths.length > shownPaths ? `, and ${paths.length - shownPaths} more` : "";
  const places = `${paths.slice(0, shownPaths).join(", ")}${more}`;
  return `${object} was changed by ${managers.length > 0 ? quoted(managers) : "hand"}: ${places}`;
}

const shownPaths = 5;

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");

interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: { name?: string; namespace?: string; annotations?: Record<string, string> };
}

interface Declared {
  inputs: KubernetesObject;
  /** Field manager of the engine's provider. */
  manager: string;
  isPatch: boolean;
  /** Namespace of a namespaced object without one in its metadata. @default default */
  namespace?: string;
  /** Helm release of the object. */
  release?: string;
}

function declaredIn({ type, inputs: recorded, outputs }: StateResource): Declared[] {
  // The state encrypts the inputs of a Secret. An encrypted value cannot be applied.
  const inputs = withPlainSecrets(recorded) as StateResource["inputs"];
  const manager = outputs?.__fieldManager;
  const plain = type.startsWith("kubernetes:") && typeof manager === "string" && inputs?.kind && inputs.metadata;
  return plain ? [{ inputs: inputs as KubernetesObject, manager, isPatch: type.endsWith("Patch") }] : [];
}

/** Any field manager will do: the next upgrade by Helm patches its objects without regard to managers. */
const declaredByRelease = ({ release, namespace, object }: ReleasedObject): Declared => ({
  inputs: object,
  namespace,
  manager: "ambient-lab",
  isPatch: false,
  release,
});

/** The object with the annotation of `kubectl apply`, which may be its only write. */
const withLastApplied = (inputs: KubernetesObject) => ({
  ...inputs,
  metadata: {
    ...inputs.metadata,
    annotations: { ...inputs.metadata?.annotations, "kubectl.kubernetes.io/last-applied-configuration": "" },
  },
});

/** The object without the fields that the server maintains. */
function withoutServerFields(object: KubernetesObject): unknown {
  const { managedFields, resourceVersion, generation, ...metadata }: Record<string, unknown> = { ...object.metadata };
  return JSON.parse(JSON.stringify({ ...object, metadata, status: undefined }));
}
