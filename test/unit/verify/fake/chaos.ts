import type { FakeClock } from "./clock";
import type { FakePod } from "./state";

/** Milliseconds until the next pod of a killed one is ready; anybody else takes as long as istiod. */
const absentMs: Readonly<Record<string, number>> = { ztunnel: 3_000, waypoint: 5_000, istiod: 4_000 };

/** Pods and nodes that were killed, and what becomes of them. */
export class FakeChaos {
  /** What does not come back once it is killed: the label `app` or the role of a pod. */
  readonly stuck = new Set<string>();
  /** Kills are taken note of, and nobody dies. */
  immortal = false;
  /** Every kill, in order. */
  readonly kills: string[] = [];
  readonly #clock: FakeClock;
  readonly #deaths = new Map<string, { times: number; backAt: number }>();
  readonly #starts = new Map<string, number>();
  readonly #down = new Set<string>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** A pod as it is now, after all that befell it; none while it is dead. */
  living(pod: FakePod): FakePod[] {
    if (this.#down.has(pod.node)) return [];
    const death = this.#deaths.get(pod.name);
    if (!death) return [pod];
    if (this.#clock.now() < death.backAt) return [];
    return [{ ...pod, name: `${pod.name}-${death.times}`, uid: `${pod.uid}, ${death.times}` }];
  }

  kill(pod: FakePod, uid: string): void {
    if (pod.uid !== uid) throw new Error(`Precondition failed: UID in precondition: ${uid}`);
    this.kills.push(pod.role);
    if (this.immortal) return;
    const kind = pod.labels.app ?? pod.role;
    const name = pod.name.replace(/(x2x4z\d*)-\d+$/, "$1");
    const backAt = this.stuck.has(kind) ? Number.POSITIVE_INFINITY : this.#clock.now() + (absentMs[kind] ?? 4_000);
    this.#deaths.set(name, { times: (this.#deaths.get(name)?.times ?? 0) + 1, backAt });
  }

  container(node: string): { running: boolean; startedAt: number } {
    return { running: !this.#down.has(node), startedAt: this.#starts.get(node) ?? Date.parse("2026-11-23T09:00:00Z") };
  }

  power(node: string, action: "kill" | "start"): void {
    this.kills.push(`${action} ${node}`);
    if (this.immortal) return;
    if (action === "kill") {
      this.#down.add(node);
      return;
    }
    if (!this.stuck.has("node")) this.#down.delete(node);
    this.#starts.set(node, this.#clock.now());
  }
}
