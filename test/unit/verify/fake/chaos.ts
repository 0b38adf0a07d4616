import type { FakeClock } from "./clock";
import type { FakePod } from "./state";

/** Milliseconds until a killed pod is replaced by a ready one; other pods take as long as istiod. */
const absentMs: Readonly<Record<string, number>> = { ztunnel: 3_000, waypoint: 5_000, istiod: 4_000 };

/** Killed pods and nodes, and their recovery. */
export class FakeChaos {
  /** Pods that do not recover after a kill, by their label `app` or their role; "node" for nodes. */
  readonly stuck = new Set<string>();
  /** Whether kills are recorded but have no effect. */
  withoutEffect = false;
  /** Every kill, in order. */
  readonly kills: string[] = [];
  readonly #clock: FakeClock;
  readonly #killed = new Map<string, { times: number; backAt: number }>();
  readonly #starts = new Map<string, number>();
  readonly #down = new Set<string>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** The current pod: the replacement after a kill, none until it is ready. */
  current(pod: FakePod): FakePod[] {
    if (this.#down.has(pod.node)) return [];
    const kill = this.#killed.get(pod.name);
    if (!kill) return [pod];
    if (this.#clock.now() < kill.backAt) return [];
    return [{ ...pod, name: `${pod.name}-${kill.times}`, uid: `${pod.uid}, ${kill.times}` }];
  }

  kill(pod: FakePod, uid: string): void {
    if (pod.uid !== uid) throw new Error(`Precondition failed: UID in precondition: ${uid}`);
    this.kills.push(pod.role);
    if (this.withoutEffect) return;
    const kind = pod.labels.app ?? pod.role;
    const name = pod.name.replace(/(x2x4z\d*)-\d+$/, "$1");
    const backAt = this.stuck.has(kind) ? Number.POSITIVE_INFINITY : this.#clock.now() + (absentMs[kind] ?? 4_000);
    this.#killed.set(name, { times: (this.#killed.get(name)?.times ?? 0) + 1, backAt });
  }

  container(node: string): { running: boolean; startedAt: number } {
    return { running: !this.#down.has(node), startedAt: this.#starts.get(node) ?? Date.parse("2026-11-23T09:00:00Z") };
  }

  power(node: string, action: "kill" | "start"): void {
    this.kills.push(`${action} ${node}`);
    if (this.withoutEffect) return;
    if (action === "kill") {
      this.#down.add(node);
      return;
    }
    if (!this.stuck.has("node")) this.#down.delete(node);
    this.#starts.set(node, this.#clock.now());
  }
}
