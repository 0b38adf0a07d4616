import type { LabSettings } from "../../../../config/schema";
import type { FakeState } from "./state";

/** A change that breaks the lab, and the experiments that must detect it, each with the layer that it must name. */
export interface BrokenWorld {
  name: string;
  breaks: (state: FakeState) => void;
  detectedBy: Record<string, { layer: string; verdict?: "fail" | "inconclusive" }>;
  /** Part of the drift that must be reported. */
  drift?: string;
  /** Part of a finding of the first experiment in `detectedBy`. */
  seen?: string;
  /** @default those of a lab with the defaults */
  settings?: Partial<LabSettings>;
}

/** Sets a field of an object. */
export const edit = (key: string, path: (string | number)[], value: unknown) => (state: FakeState) => {
  const holder = path.slice(0, -1).reduce<unknown>((here, step) => Reflect.get(Object(here), step), state.get(key));
  Reflect.set(Object(holder), path.at(-1) ?? "", value);
};
/** Deletes objects. */
export const remove =
  (...keys: string[]) =>
  (state: FakeState) => {
    for (const key of keys) if (!state.objects.delete(key)) throw new Error(`The fake lab has no ${key}`);
  };

/** Makes a waypoint accept Services of every namespace. */
export const admitAll = (gateway: string) =>
  edit(gateway, ["spec", "listeners", 0, "allowedRoutes"], { namespaces: { from: "All" } });

/** Makes a proxy behave differently from its configuration, which only requests can detect. */
export const behaves = (key: string, path: (string | number)[], value: unknown) => (state: FakeState) => {
  const original = structuredClone(state.get(key));
  edit(key, path, value)(state);
  state.dumped.set(key, original);
};
