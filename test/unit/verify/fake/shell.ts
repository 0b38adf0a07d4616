import type { CommandResult } from "../../../../verify/lab-client";
import { FakeCost } from "./cost";
import { pcapOf } from "./pcap";
import type { FakePod, FakeState } from "./state";
import type { Traffic } from "./traffic";

const done = (stdout = ""): CommandResult => ({ code: 0, stdout, stderr: "" });

interface FakeLoad {
  lines: string[];
  from: FakePod;
  intervalMs: number;
  url: URL;
  method: string;
  end: () => void;
  ended: boolean;
}

/** The scripts that the verifier runs in pods: loads and captures. */
export class FakeShell {
  readonly #state: FakeState;
  readonly #traffic: Traffic;
  readonly #loads = new Map<string, FakeLoad>();
  #stopCapture: (() => void) | undefined;
  /** Whether tcpdump has no permission to open a socket. */
  forbidden = false;
  /** Whether tcpdump captures no packets. */
  capturesNothing = false;
  /** Factor of the request rate of a load. */
  pace = 1;

  constructor(state: FakeState, traffic: Traffic) {
    this.#state = state;
    this.#traffic = traffic;
    this.cost = new FakeCost(state, traffic);
  }

  /** Loads of vegeta, and the usage of CPU and memory. */
  readonly cost: FakeCost;

  /** Runs a script by its name in $0; undefined for any other command. */
  run(source: FakePod, command: readonly string[]): Promise<CommandResult> | undefined {
    const [, , script = "", name, file = "", ...more] = command;
    if (name === "load" && file.startsWith("{")) return this.cost.load(source, [file, ...more]);
    if (name === "meter") return Promise.resolve(done(this.cost.meter(source, more)));
    if (name === "load") return more.length > 0 ? this.#load(source, file, more) : this.#ofLoad(script, file);
    if (name === "capture") return more.length > 0 ? this.#capture() : this.#ofCapture(script);
    return undefined;
  }

  #load(from: FakePod, file: string, [, interval, method = "", , url = ""]: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const end = () => resolve(done());
      const intervalMs = (Number(interval) * 1000) / this.pace;
      const load = { from, method, intervalMs, url: new URL(url), lines: [], end, ended: false };
      this.#loads.set(file, load);
      void this.#repeat(load);
    });
  }

  async #repeat(load: FakeLoad): Promise<void> {
    const { clock } = this.#state;
    const { signal } = new AbortController();
    while (!load.ended) {
      this.#send(load);
      await clock.sleep(load.intervalMs, signal);
    }
  }

  async #ofLoad(script: string, file: string): Promise<CommandResult> {
    const load = this.#loads.get(file);
    if (!load) return { code: 2, stdout: "", stderr: `cannot open ${file}` };
    if (!script.includes("kill")) return done([`now ${this.#uptime()}`, ...load.lines].join("\n"));
    if (!load.ended) load.lines.push(`sent ${load.lines.length}`);
    load.ended = true;
    load.end();
    return done();
  }

  /** Sends a request, and adds its result to the output. */
  #send(load: FakeLoad): void {
    const { from, method, url, lines } = load;
    const n = lines.length + 1;
    const path = `${url.pathname}${url.search}&n=${n}`;
    const [id = "", service = ""] = [url.searchParams.get("probe") ?? "", url.hostname.split(".")[0]];
    const met = this.#traffic.fromPod(from, { to: "service", service }, { method, path, id, authority: url.host });
    const status = String(met.status).padStart(3, "0");
    lines.push(`${n} ${this.#uptime()} ${status} ${met.status > 0 ? 0 : met.exit} ${met.seconds.toFixed(6)}`);
  }

  /** Seconds since the start of the nodes, with two decimals. */
  #uptime = (): string => ((this.#state.clock.now() - Date.parse("2026-11-23T09:00:00Z")) / 1000).toFixed(2);

  #capture(): Promise<CommandResult> {
    if (this.forbidden) return Promise.resolve({ code: 1, stdout: "", stderr: "Operation not permitted" });
    this.#state.packets = [];
    return new Promise((resolve) => {
      this.#stopCapture = () => {
        const bytes = pcapOf(this.capturesNothing ? [] : (this.#state.packets ?? []));
        this.#state.packets = undefined;
        resolve({ ...done(), bytes });
      };
    });
  }

  async #ofCapture(script: string): Promise<CommandResult> {
    if (!script.includes("kill")) return done(this.forbidden ? "" : "tcpdump: listening on any, link-type LINUX_SLL2");
    this.#stopCapture?.();
    this.#stopCapture = undefined;
    return done();
  }
}
