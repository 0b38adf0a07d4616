/** Reasons of the command's abort signal. A terminal sends its SIGINT to every program of the command, to the engine as well. */
export const abortedBy = { terminal: "terminal", signal: "signal" } as const;

/** Milliseconds within which a program reports an interrupt that it got from the terminal, also on a busy machine. */
const reportMs = 10_000;

/**
 * The abort signal for a program that the command runs. A Ctrl+C at the terminal reaches that program by itself; a second
 * interrupt would make the engine drop what it has begun. A SIGINT that was sent to the command alone (`kill -INT`) looks the
 * same: it is passed on when the program has not reported an interrupt within 10 s.
 * @param reported whether the program has reported an interrupt. @default it never does
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
