import { routeFeatures, routeTarget, ruleText, summaryLines } from "../../../verify/checks/proxies";
import type {
  ExperimentResult,
  Finding,
  ProxyConfiguration,
  Verdict,
  VerifyReport,
} from "../../../verify/report/schema";
import { type EvidenceFolder, serviceChains } from "../evidence";
import { type Html, html } from "./escape";

const words: Record<Verdict, string> = {
  pass: "✓ pass",
  fail: "✗ fail",
  inconclusive: "? inconclusive",
  skipped: "– skipped",
  "known-upstream": "! known upstream",
};

/** A verdict as a word with a mark: never by colour alone. */
export const badge = (verdict: Verdict): Html => html`<span class="badge ${verdict}">${words[verdict]}</span>`;

/** What is wrong and what to do about it, the causes before what they caused; nothing when nothing is. */
export function problems({ results, drift, health, notes }: VerifyReport): Html | undefined {
  const bad = results.filter(({ verdict }) => verdict === "fail" || verdict === "inconclusive");
  const causes = [...drift, ...health];
  if (bad.length + causes.length + notes.length === 0) return undefined;
  return html`<section id="attention" aria-labelledby="attention-h"><h2 id="attention-h">What needs attention</h2>
${causes.length > 0 ? html`<h3>The cluster is not what it should be</h3><ul>${causes.map(({ what }) => html`<li>${what}</li>`)}</ul>` : ""}
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

/** A row for every experiment, its findings and their evidence folded away below it. */
export function verdicts(results: readonly ExperimentResult[]): Html {
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
export function routes(evidence: EvidenceFolder): Html {
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

/** Versions and settings that the run judged by. */
export function versionsAndSettings({ versions, settings }: VerifyReport): Html {
  const said = (value: unknown) => (Array.isArray(value) ? value.join(", ") || "none" : String(value));
  const rows = (entries: readonly (readonly [string, unknown])[]) =>
    entries.map(([key, value]) => html`<tr><th scope="row"><code>${key}</code></th><td>${said(value)}</td></tr>`);
  const table = (title: string, entries: readonly (readonly [string, unknown])[]) =>
    html`<div class="scroll" tabindex="0"><table><caption>${title}</caption><thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead><tbody>${rows(entries)}</tbody></table></div>`;
  return html`<section id="versions" aria-labelledby="versions-h"><h2 id="versions-h">Versions and settings</h2>
${table("What ran", Object.entries(versions))}<br>${table("What the stack asked for", Object.entries(settings))}</section>`;
}
