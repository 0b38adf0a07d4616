import type { Kind, Layer } from "../config/vocabulary";

/** An object of the lab that is read by name; its key holds kind and name, such as "Service/appb". */
export interface ObjectEntry {
  /** Layer that is at fault when the object is missing, changed or unhealthy. */
  layer: Layer;
  /** @default the apps' namespace; none for a Namespace */
  namespace?: string;
  /** @default the name in the key */
  name?: string;
  /** A Deployment without pods, which an experiment scales up for its own time. */
  idle?: true;
}

/** A Deployment or DaemonSet whose pods the verifier finds by name. */
export interface WorkloadEntry {
  /** @default the apps' namespace */
  namespace?: string;
  /** Name of the workload, and value of the label `app` of its pods. @default the key */
  app?: string;
  /** Container to read logs from and to run commands in. @default "httpbin" */
  container?: string;
  /** @default "app" */
  layer?: Layer;
  /** Its pods belong to the mesh. After a restart of its node a pod may have left the mesh; it is then rolled out anew. */
  mesh?: true;
  /** Its pods have a sidecar: the verifier opens the sidecar's access log at the start of a run. */
  sidecar?: true;
  /** Experiments send requests from its pods. */
  client?: true;
  /** ALLOW policy that selects its pods: ztunnel does not name it when it resets a connection. */
  policy?: string;
  /** PeerAuthentication that selects its pods. */
  peerAuthentication?: string;
}

/** A waypoint; its key is the name of its Gateway. */
export interface WaypointEntry {
  /** @default the apps' namespace */
  namespace?: string;
  /** @default "istio-proxy" */
  container?: string;
}

/** A Service, or the host of a ServiceEntry, that requests go to. */
export interface ServiceEntry {
  /** Key of the workload whose pods answer. */
  pods: string;
  /** @default the apps' namespace */
  namespace?: string;
  /** @default the name of the Service inside the cluster */
  host?: string;
  /** Waypoint that its requests go through, or would go through. @default "waypoint" */
  waypoint?: string;
  /** ALLOW policy of the Service at its waypoint: Envoy does not name it when it refuses a request. */
  policy?: string;
}

/** The objects that the story or a module adds to the lab, by which the verifier finds objects, pods, Services and waypoints. */
export interface Slice {
  /** A layer is short for an entry with only a layer. */
  objects?: Readonly<Partial<Record<`${Kind}/${string}`, Layer | ObjectEntry>>>;
  workloads?: Readonly<Record<string, WorkloadEntry>>;
  waypoints?: Readonly<Record<string, WaypointEntry>>;
  services?: Readonly<Record<string, ServiceEntry>>;
  /** Images of its pods, without those of Istio and of the apps. @param istio version of Istio */
  images?: (istio: string) => readonly string[];
}

/** Objects of a slice. */
export const objectsIn = <S extends Slice>({ objects = {} }: S): (keyof NonNullable<S["objects"]>)[] =>
  Object.keys(objects) as (keyof NonNullable<S["objects"]>)[];
