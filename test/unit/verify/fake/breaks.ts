import type { LabSettings } from "../../../../config/schema";
import type { FakeState } from "./state";

/** How a lab is broken, and the experiments that must notice, each with the layer it must name. */
export interface BrokenWorld {
  name: string;
  breaks: (state: FakeState) => void;
  noticed: Record<string, { layer: string; verdict?: "fail" | "inconclusive" }>;
  /** Drift that must be reported, in part. */
  drift?: string;
  /** What the first experiment that must notice says, in part. */
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

/** A waypoint that takes Services of every namespace. */
export const admitAll = (gateway: string) =>
  edit(gateway, ["spec", "listeners", 0, "allowedRoutes"], { namespaces: { from: "All" } });

/** A waypoint that was told one thing and does another: only the requests themselves can show it. */
export const behaves = (key: string, path: (string | number)[], value: unknown) => (state: FakeState) => {
  const told = structuredClone(state.get(key));
  edit(key, path, value)(state);
  state.pretended.set(key, told);
};
