/** A recording of a terminal: asciicast v2 (docs.asciinema.org/manual/asciicast/v2). */
export interface Cast {
  width: number;
  /** Lines with the seconds after which each was complete. */
  lines: readonly { at: number; text: string }[];
}

/** Reads the text of a recording. Output that ends without a line feed is a line too. */
export function parseCast(text: string): Cast {
  const [header = "{}", ...events] = text.split("\n").filter(Boolean);
  const { version, width }: { version?: number; width?: number } = JSON.parse(header);
  if (version !== 2 || !width) throw new RangeError("Not an asciicast of version 2");
  const lines: { at: number; text: string }[] = [];
  let open = "";
  let last = 0;
  for (const event of events) {
    const [at, kind, output]: [number, string, string] = JSON.parse(event);
    if (kind !== "o") continue;
    last = at;
    const parts = `${open}${output}`.replaceAll("\r\n", "\n").split("\n");
    open = parts.pop() ?? "";
    lines.push(...parts.map((part) => ({ at, text: part })));
  }
  if (open) lines.push({ at: last, text: open });
  return { width, lines };
}

/** Text of a recording. */
export function castText(width: number, height: number, outputs: readonly { at: number; text: string }[]): string {
  const header = JSON.stringify({ version: 2, width, height });
  const events = outputs.map(({ at, text }) => JSON.stringify([Number(at.toFixed(3)), "o", text]));
  return `${[header, ...events].join("\n")}\n`;
}
