import { routeFeatures, routeTarget, ruleText, summaryLines } from "../../../verify/proxy-config/text";
import type {
  ExperimentResult,
  Finding,
  ProxyConfiguration,
  Verdict,
  VerifyReport,
} from "../../../verify/report/schema";
import { pastCosts } from "../cost-history";
import { type EvidenceFolder, serviceChains, type Timeline } from "../evidence";
import { type Journey, journeysOf, requestsElsewhere } from "../journeys";
import { isRefused, type JudgedRequest, requestsOf } from "../requests";
import { type JudgedSample, samplesOf } from "../samples";
import { costOf, costSection } from "./cost";
import { type Html, html } from "./escape";
import { journeySvg } from "./journey-svg";
import { matrixSection } from "./matrix";
import { bandPlot, latencyPlot, timelinePlot } from "./plots";
import { pageText, timeText } from "./shell";

/** The whole report as one HTML file. */
export async function renderHtml(evidence: EvidenceFolder): Promise<string> {
  const { report, reach } = evidence;
  const cost = costOf(report);
  return pageText({
    title: `Ambient lab ${report.stack}: ${report.verdict}`,
    head: head(report),
    sections: [
      ["attention", "Attention", problems(report)],
      ["verdicts", "Verdicts", verdicts(report.results)],
      ["fault", "Injected delay", await fault(samplesOf(report))],
      ["cost", "Cost of the mesh", await costSection(cost, cost ? pastCosts(cost, report.startedAt) : [])],
      ["refused", "Refused requests", refusals(requestsOf(report))],
      ["paths", "Request paths", ways(journeysOf(report))],
      ["elsewhere", "The modules' applications", elsewhere(requestsElsewhere(report))],
      ["matrix", "Who may reach what", reach && matrixSection(reach)],
      ["routes", "Routes", routes(evidence)],
      ["time", "Time", await timeline(evidence.timeline)],
      ["versions", "Versions and settings", versionsAndSettings(report)],
    ],
    footer: html`<p>Made from the evidence in <code>${evidence.folder}</code>. Certificates, keys, tokens and cookies were left out when it was written.</p>`,
  });
}

function head({ stack, cluster, startedAt, durationMs, verdict, results, versions }: VerifyReport): Html {
  const count = (kind: string) => results.filter((result) => result.verdict === kind).length;
  const ran = results.length - count("skipped");
  return html`<header class="top"><p class="eyebrow">Ambient lab, stack ${stack} on ${cluster}</p>
<h1>${sentence(verdict, count("pass"), ran, count("inconclusive"))}</h1>
<p>${badge(verdict)} <span class="lead">${timeText(startedAt)}, proven in ${Math.round(durationMs / 1000)} s</span></p>
<dl class="tiles"><div class="tile"><dt>Pass</dt><dd>${count("pass")}</dd></div><div class="tile"><dt>Fail</dt><dd>${count("fail")}</dd></div>
<div class="tile"><dt>Inconclusive</dt><dd>${count("inconclusive")}</dd></div><div class="tile"><dt>Known upstream</dt><dd>${count("known-upstream")}</dd></div><div class="tile"><dt>Skipped</dt><dd>${count("skipped")}</dd></div>
<div class="tile"><dt>Istio</dt><dd>${versions.istio ?? "unknown"}</dd></div></dl></header>`;
}

function sentence(verdict: VerifyReport["verdict"], passed: number, ran: number, undecided: number): string {
  if (verdict === "pass")
    return passed === ran
      ? `All ${ran} experiments pass`
      : `${passed} of ${ran} experiments pass, the rest is known upstream`;
  if (verdict === "fail") return `${passed} of ${ran} experiments pass`;
  if (passed === 0) return "No experiment passes: nothing is proven";
  const all = passed === ran ? `All ${ran} experiments pass` : `${passed} of ${ran} experiments pass`;
  return `${all}, ${undecided === 0 ? "but the cluster is not what it should be" : `${undecided} not decided`}`;
}

const words: Record<Verdict, string> = {
  pass: "✓ pass",
  fail: "✗ fail",
  inconclusive: "? inconclusive",
  skipped: "– skipped",
  "known-upstream": "! known upstream",
};

/** A verdict as a word with a mark, not only as a colour. */
const badge = (verdict: Verdict): Html => html`<span class="badge ${verdict}">${words[verdict]}</span>`;

/** Problems and their fixes, causes first; undefined without a problem. */
function problems({ results, drift, health, notes }: VerifyReport): Html | undefined {
  const bad = results.filter(({ verdict }) => verdict === "fail" || verdict === "inconclusive");
  const causes = [...drift, ...health];
  if (bad.length + causes.length + notes.length === 0) return undefined;
  return html`<section id="attention" aria-labelledby="attention-h"><h2 id="attention-h">What needs attention</h2>
${causes.length > 0 ? html`<h3>The cluster differs from its configuration, or is not healthy</h3><ul>${causes.map(({ what }) => html`<li>${what}</li>`)}</ul>` : ""}
${[...new Set(causes.map(({ fix }) => fix))].map((fix) => html`<p class="fix">Fix: <code>${fix}</code></p>`)}
${bad.map(
  ({
    title,
    layer,
    findings,
    id,
  }) => html`<h3>${title} <span class="id">${id}${layer ? html`, look at: ${layer}` : ""}</span></h3>
${findings.filter(({ verdict }) => verdict === "fail" || verdict === "inconclusive").map(findingBlock)}`,
)}
${notes.map((note) => html`<p class="note">Note: ${note}</p>`)}</section>`;
}

/** A row for every experiment, with its findings and their evidence in collapsed details. */
function verdicts(results: readonly ExperimentResult[]): Html {
  return html`<section id="verdicts" aria-labelledby="verdicts-h"><h2 id="verdicts-h">Verdicts</h2>
<p class="lead">Every experiment, from the machine upwards. Open one to see what was sent, what came back and which record says so.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Verdict</th><th scope="col">Experiment</th><th scope="col" class="num">Took</th></tr></thead><tbody>
${results.map(
  ({
    id,
    title,
    verdict,
    durationMs,
    reason,
    findings,
  }) => html`<tr><td>${badge(verdict)}</td><th scope="row">${title} <span class="id">${id}</span>
${reason ? html`<div class="note">${reason}</div>` : ""}${findings.length > 0 ? html`<details><summary>${findings.length} ${findings.length === 1 ? "finding" : "findings"}</summary>${findings.map(findingBlock)}</details>` : ""}</th><td class="num">${(durationMs / 1000).toFixed(1)} s</td></tr>`,
)}</tbody></table></div></section>`;
}

function findingBlock({ name, verdict, seen, expected, evidence }: Finding): Html {
  return html`<div class="finding is-${verdict}"><p><strong>${name}</strong> ${badge(verdict)}</p><p>${seen}</p>
${expected ? html`<p class="note">Expected: ${expected}</p>` : ""}
${evidence.length > 0 ? html`<details class="raw"><summary>Evidence: ${evidence.map(({ source }) => source).join(", ")}</summary>${evidence.map(({ source, lines }) => html`<p class="note">${source}</p><pre>${lines.join("\n")}</pre>`)}</details>` : ""}</div>`;
}

/** The configuration of the waypoint: filters in their order, rules, routes. */
function routes(evidence: EvidenceFolder): Html {
  const chains = serviceChains(evidence);
  const short = (filter: string) => filter.replace(/^envoy\.filters\.http\./, "");
  return html`<section id="routes" aria-labelledby="routes-h"><h2 id="routes-h">The waypoint's routes</h2>
<p class="lead">Read from the proxy's own configuration. The order of the filters decides: <code>rbac</code> stands before <code>fault</code>, therefore a refused request is never delayed.</p>
${chains.map(
  ({
    chain,
    filters,
    rbac,
    routes,
  }) => html`<h3><code>${chain}</code></h3><ol class="chips" aria-label="HTTP filters in order">${filters.map(short).map((filter) => html`<li><span class="chip ${filter === "rbac" || filter === "fault" ? "key" : ""}">${filter}</span></li>`)}</ol>
${rbac.length > 0 ? html`<p class="note">Rules of rbac</p><ul>${rbac.map((rule) => html`<li><code>${ruleText(rule)}</code></li>`)}</ul>` : ""}
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Request</th><th scope="col">goes to</th><th scope="col">and is</th></tr></thead><tbody>
${routes.map((route) => html`<tr><th scope="row"><code>${route.match}</code></th><td><code>${routeTarget(route)}</code></td><td>${routeFeatures(route).join(", ") || "passed on"}</td></tr>`)}</tbody></table></div>`,
)}
${chains.length === 0 ? html`<p class="note">No configuration of the waypoint for appb is among the evidence.</p>` : ""}
${(["waypoint", "gateway"] as const).map((name) => configuration(name, evidence[name]))}</section>`;
}

function configuration(name: string, proxy: ProxyConfiguration | undefined): Html | undefined {
  if (!proxy) return undefined;
  const text = "unavailable" in proxy ? `unavailable: ${proxy.unavailable}` : summaryLines(proxy).join("\n");
  return html`<details class="raw"><summary>Whole configuration of the ${name}</summary><pre>${text}</pre></details>`;
}

/** Versions and settings of the run. */
function versionsAndSettings({ versions, settings }: VerifyReport): Html {
  const said = (value: unknown) => (Array.isArray(value) ? value.join(", ") || "none" : String(value));
  const rows = (entries: readonly (readonly [string, unknown])[]) =>
    entries.map(([key, value]) => html`<tr><th scope="row"><code>${key}</code></th><td>${said(value)}</td></tr>`);
  const table = (title: string, entries: readonly (readonly [string, unknown])[]) =>
    html`<div class="scroll" tabindex="0"><table><caption>${title}</caption><thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead><tbody>${rows(entries)}</tbody></table></div>`;
  return html`<section id="versions" aria-labelledby="versions-h"><h2 id="versions-h">Versions and settings</h2>
${table("What ran", Object.entries(versions))}<br>${table("What the stack asked for", Object.entries(settings))}</section>`;
}

/** The fault's samples: every request as a dot, and how the count compares with chance. */
async function fault(samples: readonly JudgedSample[]): Promise<Html | undefined> {
  if (samples.length === 0) return undefined;
  const shares = samples.filter(({ share }) => share !== undefined);
  const bands = await Promise.all(shares.map(bandPlot));
  return html`<section id="fault" aria-labelledby="fault-h"><h2 id="fault-h">The injected delay</h2>
<p class="lead">Envoy decides for each request independently whether to delay it, so the number of delayed requests has a binomial distribution. A number outside the band means that the share is wrong. Requests are sent until a number inside the band distinguishes the configured share from the shares ten percentage points below and above it.</p>
<div class="scroll" tabindex="0"><figure>${await latencyPlot(samples)}<figcaption>A dot is a request. <strong style="color:var(--fast)">Fast</strong> and <strong style="color:var(--slow)">slow</strong> by the client's clock; the verdict is taken from the waypoint's log as well.</figcaption></figure></div>
${shares.map(
  (sample, index) =>
    html`<h3>${sample.name} ${badge(sample.verdict)}</h3><p class="note">${sample.seen}</p><div class="scroll" tabindex="0"><figure>${bands[index]}</figure></div>`,
)}</section>`;
}

/** Every refused request, with the layer that refused it and its record. */
function refusals(requests: readonly JudgedRequest[]): Html | undefined {
  const stopped = requests.filter(isRefused);
  if (stopped.length === 0) return undefined;
  return html`<section id="refused" aria-labelledby="refused-h"><h2 id="refused-h">Refused requests</h2>
<p class="lead">A refusal is evidence only together with the layer that refused. The waypoint answers at layer 7 with a status code; ztunnel resets the connection at layer 4.</p>
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

/** The paths of all requests, each path drawn once. */
function ways(journeys: readonly Journey[]): Html | undefined {
  if (journeys.length === 0) return undefined;
  return html`<section id="paths" aria-labelledby="paths-h"><h2 id="paths-h">Request paths</h2>
<p class="lead">A solid box stands for a component whose log has a record of the request; a dashed box for one on the path without a record. The label of an arrow is the identity that the mesh proves to the next component.</p>
${journeys.map(
  (
    journey,
  ) => html`<div class="journey"><h3>${journey.title}</h3><div class="scroll" tabindex="0">${journeySvg(journey)}</div>
<details><summary>${journey.requests.length} ${journey.requests.length === 1 ? "request" : "requests"} on this path</summary><ul class="plain">${journey.requests.map(({ words, experiment, verdict }) => html`<li><code>${words}</code> <span class="id">${experiment}, ${verdict}</span></li>`)}</ul></details></div>`,
)}</section>`;
}

/** Requests to applications of the modules, whose paths are not drawn. */
function elsewhere(requests: readonly JudgedRequest[]): Html | undefined {
  if (requests.length === 0) return undefined;
  return html`<section id="elsewhere" aria-labelledby="elsewhere-h"><h2 id="elsewhere-h">Requests to the modules' applications</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Caller</th><th scope="col">Request</th><th scope="col">Got</th><th scope="col">Decided by</th><th scope="col">Verdict</th></tr></thead><tbody>
${requests.map(
  ({ client, words, address, answer, decision, experiment, verdict }) =>
    html`<tr><th scope="row">${client}</th><td><code>${words}</code><div class="note">${address}, ${experiment}</div></td><td>${answer}</td><td>${decision.layer}</td><td>${badge(verdict)}</td></tr>`,
)}</tbody></table></div></section>`;
}

/** The durations of the phases of `up`. */
async function timeline(recorded: Timeline | undefined): Promise<Html | undefined> {
  if (!recorded) return undefined;
  return html`<section id="time" aria-labelledby="time-h"><h2 id="time-h">The time of <code>up</code></h2>
<p class="lead">Begun ${timeText(recorded.startedAt)}.</p><div class="scroll" tabindex="0"><figure>${await timelinePlot(recorded)}</figure></div></section>`;
}
