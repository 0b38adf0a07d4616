import { printable } from "../../../host/printable";
import { shareWords } from "../../../verify/binomial";
import { protocolNames } from "../../../verify/cost/judge";
import { isOfKind, type RequestKind } from "../../../verify/cost/load";
import type { Cost } from "../../../verify/cost/schema";
import type { Timeline } from "../evidence";
import { chancesOf, type JudgedSample } from "../samples";
import { Html, html } from "./escape";

// Both packages are ESM, and only a report needs them.
const library = async () => {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  return { Plot, document: parseHTML("<!doctype html><html><body></body></html>").document };
};

const width = 880;
const colour = {
  fast: "var(--fast)",
  slow: "var(--slow)",
  line: "var(--muted)",
  band: "var(--band)",
  bad: "var(--no)",
};
const common = { width, style: { background: "none", fontFamily: "inherit", fontSize: "12px" } } as const;

/** Margin for the longest label, at the width of a bold character. */
const labelMargin = (labels: readonly string[]) =>
  Math.max(132, 26 + 7.4 * Math.max(...labels.map((each) => each.length)));

/** Every request of every sample as a dot on one axis of time. */
export async function latencyPlot(samples: readonly JudgedSample[]): Promise<Html> {
  const { Plot, document } = await library();
  const dots = samples.flatMap(({ label, milliseconds, slowFromMs }) =>
    // Spread by the golden ratio: even, and reproducible.
    milliseconds.map((ms, index) => ({ label, ms, spread: (index * 0.618) % 1, slow: ms >= slowFromMs })),
  );
  const labels = samples.map(({ label }) => label);
  const slowest = Math.max(...dots.map(({ ms }) => ms));
  const summary = samples.map(({ label, slow, milliseconds }) => `${label}: ${slow} of ${milliseconds.length} slow`);
  return svgOf(
    Plot.plot({
      ...common,
      document,
      height: 90 + labels.length * 84,
      y: { axis: null, domain: [-0.12, 1.12] },
      marginLeft: labelMargin([...labels, "100 of 200 slow"]),
      marginBottom: 40,
      marginTop: 34,
      x: {
        label: "milliseconds by the client's clock →",
        grid: true,
        domain: [0, slowest * 1.02],
        nice: true,
      },
      fy: { domain: labels, label: null, axis: null, padding: 0.08 },
      marks: [
        Plot.frame({ stroke: "var(--line)", anchor: "bottom" }),
        Plot.ruleX(samples, { x: "delayMs", fy: "label", stroke: colour.line, strokeDasharray: "4 3" }),
        Plot.text(samples.slice(0, 1), {
          ...{ x: "delayMs", fy: "label", frameAnchor: "top", dy: -16 },
          // The text is on the side of the line with more space.
          ...(samples.some(({ delayMs }) => delayMs > slowest / 2)
            ? { textAnchor: "end" as const, dx: 4 }
            : { textAnchor: "start" as const, dx: -4 }),
          ...{ text: ({ delayMs }: JudgedSample) => `configured delay ${delayMs} ms`, fill: colour.line },
        }),
        Plot.text(samples, {
          fy: "label",
          text: "label",
          frameAnchor: "left",
          textAnchor: "end",
          dx: -12,
          dy: -8,
          fontWeight: 600,
          fill: "currentColor",
        }),
        Plot.text(samples, {
          ...{ fy: "label", frameAnchor: "left", textAnchor: "end", dx: -12, dy: 9, fill: colour.line },
          text: ({ slow, milliseconds }: JudgedSample) => `${slow} of ${milliseconds.length} slow`,
        }),
        Plot.dot(dots, {
          ...{ x: "ms", y: "spread", fy: "label", r: 2.8, fillOpacity: 0.75 },
          fill: ({ slow }: { slow: boolean }) => (slow ? colour.slow : colour.fast),
        }),
      ],
    }),
    "Latency of every request, a dot each",
    summary.join("; "),
  );
}

/** The probability of each number of delayed requests, the accepted band, and the observed number. */
export async function bandPlot({ label, slow, milliseconds, count, share }: JudgedSample): Promise<Html> {
  if (!share) return new Html("");
  const { Plot, document } = await library();
  const { low, high, percent, toldFrom } = share;
  const claim = shareWords({ percent, others: toldFrom ?? [] });
  const chances = chancesOf(count, share.percent);
  const inside = slow >= low && slow <= high;
  const from = Math.min(chances[0]?.count ?? 0, slow - 2);
  const to = Math.max(chances.at(-1)?.count ?? 0, slow + 2);
  const seen = inside ? "currentColor" : colour.bad;
  return svgOf(
    Plot.plot({
      ...common,
      document,
      height: 190,
      ...{ marginTop: 44, marginBottom: 42, marginLeft: 34, marginRight: 34 },
      x: {
        domain: [from, to],
        label: `delayed requests of ${milliseconds.length}, when each is delayed with a chance of ${share.percent} % →`,
      },
      y: { axis: null },
      marks: [
        Plot.rect([{ low, high }], {
          x1: (d: { low: number }) => d.low - 0.5,
          x2: (d: { high: number }) => d.high + 0.5,
          fill: colour.band,
        }),
        Plot.rect(chances, {
          ...{
            x1: (d: { count: number }) => d.count - 0.42,
            x2: (d: { count: number }) => d.count + 0.42,
            y1: 0,
            y2: "chance",
          },
          fill: (d: { count: number }) => (d.count >= low && d.count <= high ? colour.slow : colour.line),
          fillOpacity: 0.75,
        }),
        Plot.ruleY([0], { stroke: "var(--line)" }),
        Plot.text([low, high], {
          ...{ x: (d: number) => d, frameAnchor: "top", dy: -10, fill: colour.line },
          text: (d: number) => (d === low ? `from ${low}` : `to ${high}`),
        }),
        Plot.ruleX([slow], { stroke: seen, strokeWidth: 2 }),
        Plot.text([slow], {
          x: (d: number) => d,
          frameAnchor: "top",
          dy: -28,
          text: (d: number) => `seen: ${d}`,
          fill: seen,
          fontWeight: 700,
          fontSize: 13,
        }),
      ],
    }),
    `Chance of each number of delayed requests, ${label}`,
    `${slow} of ${milliseconds.length} were slow; ${low} to ${high} are expected at ${claim}`,
  );
}

/** The latency of each path by percentile: the median of the rounds as a dot, its interval as a line. */
export async function costLatencyPlot({ latency }: Cost, kind: RequestKind): Promise<Html> {
  const { Plot, document } = await library();
  const shown = latency.filter((each) => isOfKind(each, kind));
  const dots = shown.flatMap(({ path, milliseconds }) =>
    (["p50", "p90", "p99"] as const).map((percentile) => ({ path, percentile, ...milliseconds[percentile] })),
  );
  const summary = dots.map(({ path, percentile, median }) => `${path} ${percentile} ${median.toFixed(2)} ms`);
  return svgOf(
    Plot.plot({
      ...common,
      document,
      height: 60 + shown.length * 66,
      ...{ marginLeft: 92, marginRight: 84, marginBottom: 40 },
      x: { label: "milliseconds →", grid: true, domain: [0, Math.max(...dots.map(({ high }) => high)) * 1.05] },
      y: { domain: ["p50", "p90", "p99"], label: null, tickSize: 0 },
      fy: { domain: shown.map(({ path }) => path), label: null, padding: 0.15 },
      marks: [
        Plot.frame({ stroke: "var(--line)", anchor: "bottom" }),
        Plot.ruleY(dots, { x1: "low", x2: "high", y: "percentile", fy: "path", stroke: colour.line, strokeWidth: 2 }),
        Plot.dot(dots, { x: "median", y: "percentile", fy: "path", r: 4, fill: colour.fast }),
      ],
    }),
    `Latency by path and percentile, ${protocolNames[kind.protocol]}, ${kind.connections} connections`,
    summary.join("; "),
  );
}

/** Memory of the sidecars, and of ztunnel and the waypoint, by the number of pods. */
export async function costGrowthPlot({ growth }: Cost): Promise<Html> {
  const { Plot, document } = await library();
  const lines = growth.flatMap(({ pods, sidecarBytes, ambientBytes }) => [
    { pods, mib: sidecarBytes / 1024 ** 2, of: "sidecars" },
    { pods, mib: ambientBytes / 1024 ** 2, of: "ztunnel and waypoint" },
  ]);
  const ends = lines.slice(-2);
  return svgOf(
    Plot.plot({
      ...common,
      document,
      height: 260,
      ...{ marginLeft: 60, marginRight: 150, marginBottom: 40, marginTop: 24 },
      x: { label: "pods →", ticks: growth.map(({ pods }) => pods), domain: [0, growth.at(-1)?.pods ?? 1] },
      y: { label: "↑ MiB", grid: true, domain: [0, Math.max(...lines.map(({ mib }) => mib)) * 1.05] },
      marks: [
        Plot.ruleY([0], { stroke: "var(--line)" }),
        Plot.line(lines, {
          ...{ x: "pods", y: "mib", z: "of", strokeWidth: 2 },
          stroke: ({ of }: { of: string }) => (of === "sidecars" ? colour.slow : colour.fast),
        }),
        Plot.dot(lines, {
          ...{ x: "pods", y: "mib", r: 4 },
          fill: ({ of }: { of: string }) => (of === "sidecars" ? colour.slow : colour.fast),
        }),
        Plot.text(ends, { x: "pods", y: "mib", text: "of", textAnchor: "start", dx: 10, fill: "currentColor" }),
      ],
    }),
    "Memory by number of pods",
    lines.map(({ pods, mib, of }) => `${pods} pods: ${of} ${Math.round(mib)} MiB`).join("; "),
  );
}

/** The phases of `up`, one below the other. */
export async function timelinePlot({ phases }: Timeline): Promise<Html> {
  const { Plot, document } = await library();
  const rows = phases.map((phase) => ({ ...phase, from: phase.startMs / 1000, to: (phase.startMs + phase.ms) / 1000 }));
  return svgOf(
    Plot.plot({
      ...common,
      document,
      height: 60 + rows.length * 34,
      ...{ marginLeft: labelMargin(rows.map(({ title }) => title)), marginRight: 70, marginBottom: 40 },
      x: { label: "seconds since the start →", grid: true, domain: [0, Math.max(1, ...rows.map(({ to }) => to))] },
      y: { domain: rows.map(({ title }) => title), label: null, tickSize: 0, padding: 0.3 },
      marks: [
        Plot.barX(rows, { x1: "from", x2: "to", y: "title", fill: colour.fast, rx: 3 }),
        Plot.text(rows, {
          x: "to",
          y: "title",
          textAnchor: "start",
          dx: 6,
          text: ({ ms }: { ms: number }) => `${(ms / 1000).toFixed(1)} s`,
        }),
      ],
    }),
    "Phases of up",
    rows.map(({ title, ms }) => `${title}: ${(ms / 1000).toFixed(1)} seconds`).join("; "),
  );
}

/** The plot as SVG text, with a label and a description for screen readers. */
function svgOf(drawn: { outerHTML: string }, label: string, description: string): Html {
  const named = html`<svg role="img" aria-label="${label}" aria-description="${description}" `;
  // Plot labels the groups of its marks, whose role does not allow a label.
  const drawing = printable(drawn.outerHTML).replaceAll(/(<g\b[^>]*?) aria-label="[^"]*"/g, "$1");
  return new Html(drawing.replace("<svg ", () => named.text));
}
