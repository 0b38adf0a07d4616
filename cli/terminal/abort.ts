/** Reasons of the command's abort signal. A terminal sends SIGINT to all processes of the command, including the engine. */
export const abortedBy = { terminal: "terminal", signal: "signal" } as const;

/** Time in which a program reports an interrupt from the terminal, also on a busy machine, in milliseconds. */
const reportMs = 10_000;

/**
 * The abort signal for a program that the command runs. Ctrl+C at a terminal already interrupts that program; a second interrupt
 * would make the engine cancel its running steps. A SIGINT that was sent only to the command (`kill -INT`) cannot be
 * distinguished: it is forwarded if the program has not reported an interrupt within 10 s.
 * @param reported whether the program has reported an interrupt. @default always false
 */
export function childSignal(signal: AbortSignal, reported: () => boolean = () => false): AbortSignal {
  const controller = new AbortController();
  const abort = () => {
    if (!reported()) controller.abort(signal.reason);
  };
  const forward = () => {
    if (signal.reason === abortedBy.terminal) AbortSignal.timeout(reportMs).addEventListener("abort", abort);
    else abort();
  };
  if (signal.aborted) forward();
  signal.addEventListener("abort", forward, { once: true });
  return controller.signal;
}
