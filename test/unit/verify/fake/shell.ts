import type { CommandResult } from "../../../../verify/world";
import { pcapOf } from "./pcap";
import type { FakeState } from "./state";

const done = (stdout = ""): CommandResult => ({ code: 0, stdout, stderr: "" });

/** The scripts that the verifier runs in pods: captures. */
export class FakeShell {
  readonly #state: FakeState;
  #stopCapture: (() => void) | undefined;
  /** tcpdump may not open a socket. */
  forbidden = false;
  /** tcpdump hears nothing. */
  deaf = false;

  constructor(state: FakeState) {
    this.#state = state;
  }

  /** Runs a script by the name that it is given as $0; undefined when the command is no such script. */
  run(command: readonly string[]): Promise<CommandResult> | undefined {
    const [, , script = "", name, _file, ...more] = command;
    if (name === "capture") return more.length > 0 ? this.#capture() : this.#ofCapture(script);
    return undefined;
  }

  #capture(): Promise<CommandResult> {
    if (this.forbidden) return Promise.resolve({ code: 1, stdout: "", stderr: "Operation not permitted" });
    this.#state.wire = [];
    return new Promise((resolve) => {
      this.#stopCapture = () => {
        const bytes = pcapOf(this.deaf ? [] : (this.#state.wire ?? []));
        this.#state.wire = undefined;
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
