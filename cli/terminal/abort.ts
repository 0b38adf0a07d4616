/** Reasons of the command's abort signal. A terminal sends its SIGINT to the engine as well; a second one would kill it. */
export const abortedBy = { terminal: "terminal", signal: "signal" } as const;

/**
 * The abort signal for a program that the command runs. A Ctrl+C at the terminal has reached that program already; a second
 * interrupt would make the engine drop what it has begun.
 */
export function childSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const forward = () => {
    if (signal.reason !== abortedBy.terminal) controller.abort(signal.reason);
  };
  if (signal.aborted) forward();
  signal.addEventListener("abort", forward, { once: true });
  return controller.signal;
}
