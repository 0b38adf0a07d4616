import type { Timeline } from "../evidence";
import type { Journey } from "../journeys";
import { isRefused, type JudgedRequest } from "../requests";
import type { JudgedSample } from "../samples";
import { type Html, html } from "./escape";
import { journeySvg } from "./journey-svg";
import { bandPlot, latencyPlot, timelinePlot } from "./plots";
import { badge } from "./sections";

/** The fault's samples: every request as a dot, and how the count compares with chance. */
export async function fault(samples: readonly JudgedSample[]): Promise<Html | undefined> {
  if (samples.length === 0) return undefined;
  const shares = samples.filter(({ share }) => share !== undefined);
  const bands = await Promise.all(shares.map(bandPlot));
  return html`<section id="fault" aria-labelledby="fault-h"><h2 id="fault-h">The injected delay</h2>
<p class="lead">Envoy draws for each request by itself. So the delayed ones pile up at the configured delay, and their number is binomial: inside the band it is luck, outside of it the share is wrong.</p>
<div class="scroll" tabindex="0"><figure>${await latencyPlot(samples)}<figcaption>A dot is a request. <strong style="color:var(--fast)">Fast</strong> and <strong style="color:var(--slow)">slow</strong> by the client's clock; the verdict is taken from the waypoint's log as well.</figcaption></figure></div>
${shares.map(
  (sample, index) =>
    html`<h3>${sample.name} ${badge(sample.verdict)}</h3><p class="note">${sample.seen}</p><div class="scroll" tabindex="0"><figure>${bands[index]}</figure></div>`,
)}</section>`;
}

/** Every request that somebody stopped, with the record that says who. */
export function refusals(requests: readonly JudgedRequest[]): Html | undefined {
  const stopped = requests.filter(isRefused);
  if (stopped.length === 0) return undefined;
  return html`<section id="no" aria-labelledby="no-h"><h2 id="no-h">Who said no</h2>
<p class="lead">A refusal proves something only when it is known who refused. The waypoint answers at layer 7 with a status, ztunnel at layer 4 by ending the connection.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Caller</th><th scope="col">Request</th><th scope="col">Got</th><th scope="col">Refused by</th><th scope="col">Because</th></tr></thead><tbody>
${stopped.map(
  ({
    client,
    words,
    address,
    answer,
    decision,
    experiment,
  }) => html`<tr><th scope="row">${client}</th><td><code>${words}</code><div class="note">${address}, ${experiment}</div></td>
<td>${answer}</td><td><strong>${decision.layer}</strong>${decision.policy ? html`<div class="note">${decision.policy}</div>` : ""}</td>
<td>${decision.because}${decision.line ? html`<details class="raw"><summary>Log line</summary><pre>${decision.line}</pre></details>` : ""}</td></tr>`,
)}</tbody></table></div></section>`;
}

/** The ways of all requests, each way drawn once. */
export function ways(journeys: readonly Journey[]): Html | undefined {
  if (journeys.length === 0) return undefined;
  return html`<section id="ways" aria-labelledby="ways-h"><h2 id="ways-h">The way of each request</h2>
<p class="lead">A solid box has a record of the request in this evidence; a dashed one stands where the mesh leads it, without a record of its own. On an arrow stands the identity that the mesh proves to the next stop.</p>
${journeys.map(
  (
    journey,
  ) => html`<div class="journey"><h3>${journey.title}</h3><div class="scroll" tabindex="0">${journeySvg(journey)}</div>
<details><summary>${journey.requests.length} ${journey.requests.length === 1 ? "request" : "requests"} took it</summary><ul class="plain">${journey.requests.map(({ words, experiment, verdict }) => html`<li><code>${words}</code> <span class="id">${experiment}, ${verdict}</span></li>`)}</ul></details></div>`,
)}</section>`;
}

/** Requests to applications of the modules, whose ways are not drawn. */
export function elsewhere(requests: readonly JudgedRequest[]): Html | undefined {
  if (requests.length === 0) return undefined;
  return html`<section id="elsewhere" aria-labelledby="elsewhere-h"><h2 id="elsewhere-h">Requests to the modules' applications</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Caller</th><th scope="col">Request</th><th scope="col">Got</th><th scope="col">Decided by</th><th scope="col">Verdict</th></tr></thead><tbody>
${requests.map(
  ({ client, words, address, answer, decision, experiment, verdict }) =>
    html`<tr><th scope="row">${client}</th><td><code>${words}</code><div class="note">${address}, ${experiment}</div></td><td>${answer}</td><td>${decision.layer}</td><td>${badge(verdict)}</td></tr>`,
)}</tbody></table></div></section>`;
}

/** Where the time of \`up\` went. */
export async function timeline(recorded: Timeline | undefined): Promise<Html | undefined> {
  if (!recorded) return undefined;
  return html`<section id="time" aria-labelledby="time-h"><h2 id="time-h">The time of <code>up</code></h2>
<p class="lead">Begun ${recorded.startedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC")}.</p><div class="scroll" tabindex="0"><figure>${await timelinePlot(recorded)}</figure></div></section>`;
}
