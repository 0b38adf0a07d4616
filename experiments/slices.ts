import type { Layer } from "../config/vocabulary";
import { modules } from "../modules/index";
import type { ObjectEntry, ServiceEntry, Slice, WaypointEntry, WorkloadEntry } from "../modules/slice";
import { story } from "./story";

const slices: readonly Slice[] = [story, ...Object.values(modules)];

type AnySlice = typeof story | (typeof modules)[keyof typeof modules];
/** The tables of a slice, with the type of their entries. */
interface Entry {
  objects: Layer | ObjectEntry;
  workloads: WorkloadEntry;
  waypoints: WaypointEntry;
  services: ServiceEntry;
}
type Table = keyof Entry;
/** The types of one table in all slices that have it. */
type TablesOf<T extends Table, S = AnySlice> = S extends { readonly [K in T]: infer Entries } ? Entries : never;
/** Names in a table, over all slices. */
type NameIn<Entries> = Entries extends Entries ? keyof Entries & string : never;
/** Names whose entry has a certain shape. */
type NameWith<Entries, Shape> = Entries extends Entries
  ? { [K in keyof Entries]: Entries[K] extends Shape ? K : never }[keyof Entries] & string
  : never;
type PodsIn<Entries> = Entries extends Entries ? (Entries[keyof Entries] extends { pods: infer P } ? P : never) : never;

/** Name of an object of the lab, such as "Service/appb". */
export type LabObject = NameIn<TablesOf<"objects">>;

/** Workloads whose pods the verifier finds by name. */
export type WorkloadName = NameIn<TablesOf<"workloads">>;

/** Workloads whose pods belong to the mesh. */
export type MeshWorkload = NameWith<TablesOf<"workloads">, { mesh: true }>;

/** Where a request starts: a workload, or `host`, which is this machine, through the gateway's published port. */
export type Client = NameWith<TablesOf<"workloads">, { client: true }> | "host";

/** Services of the lab, and hosts of ServiceEntries, that requests go to. */
export type ServiceName = NameIn<TablesOf<"services">>;

/** Workloads that answer requests. */
export type AppName = PodsIn<TablesOf<"services">>;

/** Waypoints of the lab, by the name of their Gateway. */
export type WaypointName = NameIn<TablesOf<"waypoints">>;

/** One table over all slices. */
export const table = <T extends Table>(name: T): Readonly<Record<NameIn<TablesOf<T>>, Entry[T]>> =>
  Object.assign({}, ...slices.map((slice) => slice[name] ?? {}));
