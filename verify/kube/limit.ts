/** Limits how many tasks run concurrently, to keep the load on the API server low. */
export function limiter(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= most) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // The slot goes to the next waiting request, so that no other request takes it.
      if (next) next();
      else running -= 1;
    }
  };
}
