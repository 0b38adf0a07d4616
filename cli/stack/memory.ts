import type { Exec } from "../../host/exec";

const unitBytes: Readonly<Record<string, number>> = {
  ...{ B: 1, kB: 1000, KB: 1000, MB: 1000 ** 2, GB: 1000 ** 3 },
  ...{ KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 },
};

/**
 * Bytes of memory that containers use, by their names, as Docker counts it (without the page cache it could drop).
 * Containers that do not run are left out.
 */
export async function memoryOf(names: readonly string[], exec: Exec): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  const { stdout } = await exec("docker", ["stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", ...names]);
  const rows = stdout.split("\n").flatMap((line): [string, number][] => {
    const [, name, number, unit = ""] = /^(\S+) ([\d.]+)([A-Za-z]+) \//.exec(line) ?? [];
    const bytes = Number(number) * (unitBytes[unit] ?? Number.NaN);
    return name && bytes > 0 ? [[name, Math.round(bytes)]] : [];
  });
  return new Map(rows);
}

/** Sum of what {@link memoryOf} found; undefined when it found nothing. */
export function totalOf(memory: ReadonlyMap<string, number>): number | undefined {
  return memory.size === 0 ? undefined : [...memory.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes as people write them: 640 MiB, 2.1 GiB. */
export function bytesText(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
