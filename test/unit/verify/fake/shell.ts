import type { CommandResult } from "../../../../verify/lab-client";
import { FakeCost } from "./cost";
import { pcapOf } from "./pcap";
import type { FakePod, FakeState } from "./state";
import type { Traffic } from "./traffic";

const done = (stdout = ""): CommandResult => ({ code: 0, stdout, stderr: "" });

interface FakeLoad {
  lines: string[];
  from: FakePod;
  beatMs: number;
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
  /** tcpdump may not open a socket. */
  forbidden = false;
  /** tcpdump hears nothing. */
  deaf = false;
  /** Share of the beats at which a load sends. */
  pace = 1;

  constructor(state: FakeState, traffic: Traffic) {
    this.#state = state;
    this.#traffic = traffic;
    this.cost = new FakeCost(state, traffic);
  }

  /** Loads of vegeta, and the use of CPU and memory that a meter reads. */
  readonly cost: FakeCost;

  /** Runs a script by the name that it is given as $0; undefined when the command is no such script. */
  run(source: FakePod, command: readonly string[]): Promise<CommandResult> | undefined {
    const [, , script = "", name, file = "", ...more] = command;
    if (name === "load" && file.startsWith("{")) return this.cost.load(source, [file, ...more]);
    if (name === "meter") return Promise.resolve(done(this.cost.meter(source, more)));
    if (name === "load") return more.length > 0 ? this.#load(source, file, more) : this.#ofLoad(script, file);
    if (name === "capture") return more.length > 0 ? this.#capture() : this.#ofCapture(script);
    return undefined;
  }

  #load(from: FakePod, file: string, [, beat, method = "", , url = ""]: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const end = () => resolve(done());
      const beatMs = (Number(beat) * 1000) / this.pace;
      const load = { from, method, beatMs, url: new URL(url), lines: [], end, ended: false };
      this.#loads.set(file, load);
      void this.#beat(load);
    });
  }

  async #beat(load: FakeLoad): Promise<void> {
    const { clock } = this.#state;
    const { signal } = new AbortController();
    while (!load.ended) {
      this.#send(load);
      await clock.sleep(load.beatMs, signal);
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

  /** A request, with the fate that it has now. */
  #send(load: FakeLoad): void {
    const { from, method, url, lines } = load;
    const n = lines.length + 1;
    const path = `${url.pathname}${url.search}&n=${n}`;
    const [id = "", service = ""] = [url.searchParams.get("probe") ?? "", url.hostname.split(".")[0]];
    const met = this.#traffic.fromPod(from, { to: "service", service }, { method, path, id, authority: url.host });
    const status = String(met.status).padStart(3, "0");
    lines.push(`${n} ${this.#uptime()} ${status} ${met.status > 0 ? 0 : met.exit} ${met.seconds.toFixed(6)}`);
  }

  /** Hundredths of a second since the nodes were started. */
  #uptime = (): string => ((this.#state.clock.now() - Date.parse("2026-11-23T09:00:00Z")) / 1000).toFixed(2);

  #capture(): Promise<CommandResult> {
    if (this.forbidden) return Promise.resolve({ code: 1, stdout: "", stderr: "Operation not permitted" });
    this.#state.packets = [];
    return new Promise((resolve) => {
      this.#stopCapture = () => {
        const bytes = pcapOf(this.deaf ? [] : (this.#state.packets ?? []));
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
