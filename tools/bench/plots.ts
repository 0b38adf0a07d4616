import type { BenchRun } from "./history";

// Both packages are ESM, and only the plots need them.
const library = async () => {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  return { Plot, document: parseHTML("<!doctype html><html><body></body></html>").document };
};

const width = 880;
const colour = { lab: "#2f6fd0", floor: "#9aa4b2", line: "#6b7280", bad: "#c0392b", ink: "#1f2937" };
const common = {
  width,
  style: { background: "white", color: colour.ink, fontFamily: "system-ui, sans-serif", fontSize: "12px" },
} as const;

/** Every ratio of a machine's runs, over time, each below the line of its target. */
export async function historyPlot(runs: readonly BenchRun[]): Promise<string> {
  const { Plot, document } = await library();
  const dots = runs.flatMap(({ at, rows }, index) => rows.map((row) => ({ ...row, at, run: index + 1 })));
  const titles = [...new Set(dots.map(({ title }) => title))];
  // A ratio of its target: one scale for all, and 1 is the line that must not be crossed.
  const shown = dots.map((dot) => ({ ...dot, share: dot.limit === undefined ? undefined : dot.ratio / dot.limit }));
  const judged = shown.flatMap((dot) => (dot.share === undefined ? [] : [{ ...dot, share: dot.share }]));
  const limits = titles.filter((title) => judged.some((dot) => dot.title === title));
  return svgText(
    Plot.plot({
      ...common,
      document,
      height: 80 + Math.max(1, limits.length) * 92,
      ...{ marginLeft: 56, marginRight: 130, marginTop: 28, marginBottom: 40 },
      x: {
        label: "run of this machine →",
        ticks: ticksOf(runs.length),
        tickFormat: "d",
        domain: [0.5, runs.length + 0.5],
      },
      y: { label: "ratio ÷ target", domain: [0, Math.max(1.2, ...judged.map(({ share }) => share)) * 1.25], ticks: 4 },
      fy: { domain: limits, label: null },
      marks: [
        Plot.frame({ stroke: "#e5e7eb" }),
        Plot.ruleY([1], { stroke: colour.bad, strokeDasharray: "4 3" }),
        Plot.line(judged, { x: "run", y: "share", fy: "title", stroke: colour.lab }),
        Plot.dot(judged, {
          ...{ x: "run", y: "share", fy: "title", r: 4 },
          fill: ({ met }: { met?: boolean }) => (met ? colour.lab : colour.bad),
        }),
        Plot.text(judged, {
          ...{ x: "run", y: "share", fy: "title", dy: -11, fill: colour.line },
          text: ({ ratio }: { ratio: number }) => ratio.toFixed(2),
        }),
      ],
    }),
    "Ratio of each time to its floor, by run of the benchmark; the line is the target",
  );
}

/** The parts of the cold up beside those of the script, on one axis of time. */
export async function upPlot({ parts }: Pick<BenchRun, "parts">): Promise<string> {
  const { Plot, document } = await library();
  // By number: a component whose objects are installed in two steps has two bars of one name.
  const bars = [
    ...parts.up.map((span) => ({ ...span, who: "lab" as const })),
    ...parts.script.map((span) => ({ ...span, who: "script" as const })),
  ].map(({ name, startMs, ms, who }, row) => ({ row, name, who, from: startMs / 1000, to: (startMs + ms) / 1000 }));
  return svgText(
    Plot.plot({
      ...common,
      document,
      height: 90 + bars.length * 17,
      ...{ marginLeft: 230, marginRight: 60, marginBottom: 40, marginTop: 30 },
      x: { label: "seconds since the start →", grid: true, domain: [0, Math.max(1, ...bars.map(({ to }) => to))] },
      y: {
        ...{ domain: bars.map(({ row }) => row), label: null, tickSize: 0, padding: 0.2 },
        tickFormat: (row: number) => `${bars[row]?.who} ${bars[row]?.name}`,
      },
      color: { domain: ["lab", "script"], range: [colour.lab, colour.floor] },
      marks: [
        Plot.barX(bars, { x1: "from", x2: "to", y: "row", fill: "who", rx: 2 }),
        Plot.text(bars, {
          ...{ x: "to", y: "row", textAnchor: "start", dx: 5, fill: colour.line },
          text: ({ from, to }: { from: number; to: number }) => `${(to - from).toFixed(1)} s`,
        }),
      ],
    }),
    "Parts of the cold up, side by side, and of the script, one after another",
  );
}

/** A tick for each run, and for some of many. */
function ticksOf(runs: number): number[] {
  const step = Math.ceil(runs / 20);
  return Array.from({ length: runs }, (_, index) => index + 1).filter((run) => (run - 1) % step === 0);
}

/** The drawing as a file of its own. */
function svgText({ outerHTML }: { outerHTML: string }, label: string): string {
  const named = /xmlns=/.test(outerHTML) ? "<svg " : '<svg xmlns="http://www.w3.org/2000/svg" ';
  return `${outerHTML.replace("<svg ", `${named}role="img" aria-label="${label}" `)}\n`;
}
