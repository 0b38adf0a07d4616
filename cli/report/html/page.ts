import type { VerifyReport } from "../../../verify/report/schema";
import type { EvidenceFolder } from "../evidence";
import { journeysOf, requestsElsewhere } from "../journeys";
import { requestsOf } from "../requests";
import { samplesOf } from "../samples";
import { Html, html } from "./escape";
import { badge, problems, routes, verdicts, versionsAndSettings } from "./sections";
import { style } from "./style";
import { elsewhere, fault, refusals, timeline, ways } from "./traffic";

/** Nothing may be loaded, and no script may run: what is shown is in the file. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The whole report as one HTML file. */
export async function renderHtml(evidence: EvidenceFolder): Promise<string> {
  const { report } = evidence;
  const sections: readonly (readonly [string, string, Html | undefined])[] = [
    ["attention", "Attention", problems(report)],
    ["verdicts", "Verdicts", verdicts(report.results)],
    ["fault", "Injected delay", await fault(samplesOf(report))],
    ["no", "Who said no", refusals(requestsOf(report))],
    ["ways", "The way of each request", ways(journeysOf(report))],
    ["elsewhere", "The modules' applications", elsewhere(requestsElsewhere(report))],
    ["routes", "Routes", routes(evidence)],
    ["time", "Time", await timeline(evidence.timeline)],
    ["versions", "Versions and settings", versionsAndSettings(report)],
  ];
  const shown = sections.filter(([, , section]) => section !== undefined);
  const title = `Ambient lab ${report.stack}: ${report.verdict}`;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}"><title>${title}</title><style>${new Html(style)}</style></head>
<body>${head(report)}
<main><nav aria-label="Sections"><ul>${shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
${shown.map(([, , section]) => section)}</main>
<footer><p>Made from the evidence in <code>${evidence.folder}</code>. Certificates, keys, tokens and cookies were left out when it was written.</p></footer></body></html>
`;
  return page.text;
}

function head({ stack, cluster, startedAt, durationMs, verdict, results, versions }: VerifyReport): Html {
  const count = (kind: string) => results.filter((result) => result.verdict === kind).length;
  const ran = results.length - count("skipped");
  return html`<header class="top"><p class="eyebrow">Ambient lab, stack ${stack} on ${cluster}</p>
<h1>${sentence(verdict, count("pass"), ran)}</h1>
<p>${badge(verdict)} <span class="lead">${startedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC")}, proven in ${Math.round(durationMs / 1000)} s</span></p>
<dl class="tiles"><div class="tile"><dt>Pass</dt><dd>${count("pass")}</dd></div><div class="tile"><dt>Fail</dt><dd>${count("fail")}</dd></div>
<div class="tile"><dt>Inconclusive</dt><dd>${count("inconclusive")}</dd></div><div class="tile"><dt>Known upstream</dt><dd>${count("known-upstream")}</dd></div><div class="tile"><dt>Skipped</dt><dd>${count("skipped")}</dd></div>
<div class="tile"><dt>Istio</dt><dd>${versions.istio ?? "unknown"}</dd></div></dl></header>`;
}

function sentence(verdict: VerifyReport["verdict"], passed: number, ran: number): string {
  if (verdict === "pass")
    return passed === ran
      ? `All ${ran} experiments pass`
      : `${passed} of ${ran} experiments pass, the rest is known upstream`;
  if (verdict === "fail") return `${passed} of ${ran} experiments pass`;
  return passed === ran && passed > 0
    ? `All ${ran} experiments pass, but the cluster is not what it should be`
    : `${passed} of ${ran} experiments pass, the rest is not decided`;
}
