import type { Browser } from "playwright-core";
import { type Exec, exec } from "../../host/exec";
import { env, npm, print } from "./record";

/** Longest time to wait for the graph, in milliseconds. Its metrics are up to a scrape interval (15 s) old. */
const drawnMs = 180_000;

const fromPods = ["verify", "waypoint-traversed"];

/** Commands that send requests. Prometheus computes a rate from two values of a counter, so the pods send requests twice. */
const traffic = [fromPods, ["traffic", "--for", "1m"], fromPods];

/**
 * Sends requests, opens the dashboard as a user does, and takes a picture of its graph.
 * @param workloads names that the graph must show before the picture is taken
 * @throws Error when `traffic` or `open` fails, or the graph does not show the workloads in time
 */
export async function photographGraph(
  browser: Browser,
  file: string,
  workloads: readonly string[],
  run: Exec = exec,
): Promise<void> {
  for (const command of traffic) await npm(["run", "lab", "--", ...command], print, run);
  const page = await browser.newPage({ viewport: { width: 1360, height: 820 }, reducedMotion: "reduce" });
  const end = new AbortController();
  let forward: Promise<unknown> = Promise.resolve();
  const address = new Promise<string>((resolve, reject) => {
    const onLine = (line: string) => line.startsWith("http://127.0.0.1:") && resolve(line);
    // Without npm: when npm is aborted, the command that it runs goes on.
    forward = run(process.execPath, ["cli/bootstrap.cjs", "open", "kiali", "--no-browser"], {
      env,
      onLine,
      signal: end.signal,
      timeoutMs: 2 * drawnMs,
    }).then(({ stderr }) => reject(new Error(`"open kiali" printed no address: ${stderr}`)));
  });
  try {
    await page.goto(await address);
    for (const workload of workloads)
      await page.locator('[data-kind="node"]', { hasText: workload }).first().waitFor({ timeout: drawnMs });
    await page.screenshot({ path: file, animations: "disabled" });
    await page.close();
  } finally {
    end.abort();
    await forward;
  }
}
