import { costSentence, costTables, protocolNames } from "../../../verify/cost/judge";
import type { RequestKind } from "../../../verify/cost/load";
import type { Cost } from "../../../verify/cost/schema";
import type { VerifyReport } from "../../../verify/report/schema";
import { comparedWith, type PastCost } from "../cost-history";
import { type Html, html } from "./escape";
import { costGrowthPlot, costLatencyPlot } from "./plots";
import { timeText } from "./shell";

/** The measured cost of a run; undefined when it measured none. */
export const costOf = ({ results }: Pick<VerifyReport, "results">): Cost | undefined =>
  results.flatMap(({ findings }) => findings).find(({ cost }) => cost)?.cost;

/** The cost of the mesh: plots, tables, and how earlier measurements of the machine compare. */
export async function costSection(cost: Cost | undefined, past: readonly PastCost[]): Promise<Html | undefined> {
  if (!cost) return undefined;
  const { machine } = cost;
  return html`<section id="cost" aria-labelledby="cost-h"><h2 id="cost-h">The cost of the mesh</h2>
<p class="lead">${costSentence(cost).replace(/^./, (first) => first.toUpperCase())}.</p>
<p class="note">Measured on ${machine.cpus} CPUs and ${(machine.memoryBytes / 1024 ** 3).toFixed(0)} GiB, kernel ${machine.kernel}, with access logs on. Requests are sent at fixed times, whether or not earlier ones are answered. The numbers hold for this machine and this load.</p>
<h3>Latency</h3><p class="note">A dot is the median of ${cost.load.rounds} rounds, a line its interval.</p>
${await Promise.all(kindsOf(cost).map(async (kind) => html`<div class="scroll" tabindex="0"><figure>${await costLatencyPlot(cost, kind)}<figcaption>${protocolNames[kind.protocol]}. ${kind.connections === "kept" ? "Connections are kept." : "Each request opens a connection."}</figcaption></figure></div>`))}
${cost.growth.length > 0 ? html`<h3>Memory</h3><div class="scroll" tabindex="0"><figure>${await costGrowthPlot(cost)}</figure></div>` : ""}
${costTables(cost).map(({ caption, rows: [head = [], ...rows] }) => html`<div class="scroll" tabindex="0"><table><caption>${caption}</caption><thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead><tbody>${rows.map(([first, ...cells]) => html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`)}
${past.length > 0 ? history(cost, past) : ""}</section>`;
}

/** The kinds of requests that were measured. */
const kindsOf = ({ latency }: Cost): RequestKind[] =>
  latency.filter(({ path }) => path === "none").map(({ protocol, connections }) => ({ protocol, connections }));

function history(cost: Cost, past: readonly PastCost[]): Html {
  return html`<h3>Earlier measurements on this machine</h3><div class="scroll" tabindex="0"><table><caption>Milliseconds added to the median, with kept connections; "other" marks a number outside of the interval of this measurement</caption><thead><tr><th scope="col">Measured</th><th scope="col">Istio</th><th scope="col">ztunnel</th><th scope="col">waypoint</th><th scope="col">sidecar</th></tr></thead><tbody>
${past.map((each) => html`<tr><th scope="row">${timeText(each.measuredAt)}</th><td>${each.istio}</td>${comparedWith(cost, each).map(({ text }) => html`<td>${text}</td>`)}</tr>`)}</tbody></table></div>`;
}
