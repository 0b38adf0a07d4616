import { type TourStep, tour } from "../../experiments/tour";
import type { VerifyReport } from "../../verify/report/schema";
import { Html, html } from "../report/html/escape";
import { journeySvg } from "../report/html/journey-svg";
import { style } from "../report/html/style";
import { journeysOf } from "../report/journeys";
import type { TourAction, TourSession } from "./session";
import { walked } from "./steps";

const labels: Record<TourAction, string> = {
  preview: "Show what changes",
  apply: "Apply the change",
  verify: "Verify",
  undo: "Undo the change",
};

const running: Record<TourAction, string> = {
  preview: "Computing what would change",
  apply: "Applying the change",
  verify: "Sending requests and reading the logs",
  undo: "Undoing the change",
};

/** Number of lines of a running action's output that are shown. */
const shownLines = 12;

const ownStyle = `
main.tour,header.top { max-width:1240px; } .tour { display:grid; grid-template-columns: 260px minmax(0,1fr); gap: 0 28px; }
.tour ol { list-style:none; margin:18px 0; padding:0; font-size:14px; } .tour ol a { display:block; padding:4px 8px; border-radius:6px; text-decoration:none; color:var(--ink); }
.tour ol a[aria-current] { background:var(--infobg); color:var(--info); font-weight:600; }
.actions { display:flex; flex-wrap:wrap; gap:10px; margin:14px 0; } .actions form { margin:0; }
button { font:inherit; font-weight:600; padding:8px 16px; border-radius:8px; border:1px solid var(--info); background:var(--info); color:var(--card); cursor:pointer; }
button.quiet { background:transparent; color:var(--info); } button:focus-visible { outline:2px solid var(--ink); outline-offset:2px; }
.steps { display:flex; justify-content:space-between; gap:12px; margin:14px 0 40px; } .diagram { display:block; width:100%; height:auto; background:#fff; border-radius:10px; }
.hop,.leg,.end { animation: arrive .4s both; animation-delay: calc(var(--i, 4) * .45s); } @keyframes arrive { from { opacity:.12; } }
@media (prefers-reduced-motion: reduce) { .hop,.leg,.end { animation:none; } }
@media (max-width:760px) { .tour { display:block; } .tour nav.all { display:none; } }
`;

/** Allows only scripts and requests of the page's own origin. htmx must add no style and evaluate no text. */
const policy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'";
const htmxConfig = JSON.stringify({ includeIndicatorCSS: false, history: false });

/** A step of the tour as a page. */
export function stepPage(session: TourSession, step: TourStep): string {
  const { stack } = session.lab;
  const shown = walked(step, session.lab.settings(), stack);
  const [before, after] = [tour[shown.number - 2], tour[shown.number]];
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="htmx-config" content="${htmxConfig}">
<title>${shown.number}. ${step.title} – lab ${stack}</title><style>${new Html(style + ownStyle)}</style>
<link rel="icon" href="../lab.svg"><script src="../htmx.js" defer></script><script src="../keys.js" defer></script></head>
<body><header class="top"><p class="eyebrow">Lab ${stack}, step ${shown.number} of ${tour.length}</p><h1>${step.title}</h1></header>
<main class="tour"><nav class="all" aria-label="Steps"><ol>${tour.map(
    (each, index) =>
      html`<li><a href="${each.id}"${each === step ? new Html(' aria-current="step"') : undefined}>${index + 1}. ${each.title}</a></li>`,
  )}</ol></nav>
<div><section aria-labelledby="question"><h2 id="question">${shown.asks}</h2><p>${shown.why}</p>
<img class="diagram" src="../lab.svg" alt="The lab: this machine reaches appb through the gateway, appa and stranger through their ztunnels, all by way of the waypoint; appb's ztunnel refuses the outsider"></section>
<section aria-labelledby="expected"><h2 id="expected">What is sent and expected</h2><ul>${shown.expects.map((line) => html`<li>${line}</li>`)}</ul>
<details><summary>The same on a terminal</summary><pre tabindex="0">${[...shown.change, shown.proof, ...shown.undo].join("\n")}</pre></details></section>
<section aria-labelledby="result"><h2 id="result">Result</h2><div aria-live="polite">${statePart(session, step)}</div></section>
<nav class="steps" aria-label="Previous and next step"><span>${before ? html`<a rel="prev" href="${before.id}">← ${before.title}</a>` : undefined}</span>
<span>${after ? html`<a rel="next" href="${after.id}">${after.title} →</a>` : undefined}</span></nav></div></main></body></html>
`.text;
}

/** The part of the page that an action changes. */
export function statePart(session: TourSession, step: TourStep): Html {
  const { running: run, applied } = session;
  const { preview, report, problem } = session.stateOf(step);
  const poll = run ? new Html(` hx-get="${step.id}/state" hx-trigger="every 700ms" hx-swap="outerHTML"`) : undefined;
  return html`<div id="state"${poll}>
${run ? html`<p role="status">${running[run.action]}${run.step === step ? "" : ` in step "${run.step.title}"`} …</p>` : undefined}
${run?.step === step && run.lines.length > 0 ? html`<pre tabindex="0">${run.lines.slice(-shownLines).join("\n")}</pre>` : undefined}
${applied ? html`<p class="note">The change of step "${applied.title}" is applied.</p>` : undefined}
<div class="actions">${session.actionsOf(step).map((action, index) => actionForm(step, action, index === 0))}</div>
${problem === undefined ? undefined : html`<div class="finding is-fail"><pre tabindex="0">${problem}</pre></div>`}
${preview === undefined ? undefined : html`<h3>What changes</h3><pre tabindex="0">${preview.trim()}</pre>`}
${report ? reportPart(report) : undefined}</div>`;
}

const actionForm = ({ id }: TourStep, action: TourAction, first: boolean): Html =>
  html`<form method="post" action="${id}/${action}" hx-post="${id}/${action}" hx-target="#state" hx-swap="outerHTML"><button class="${first ? "" : "quiet"}">${labels[action]}</button></form>`;

function reportPart(report: VerifyReport): Html {
  const findings = report.results.flatMap((result) => result.findings);
  const reasons = report.results.flatMap(({ reason }) => (reason ? [reason] : []));
  return html`<h3>Verdict <span class="badge ${report.verdict}">${report.verdict}</span></h3>
${reasons.map((reason) => html`<p>${reason}</p>`)}
${journeysOf(report).map((journey) => html`<div class="journey"><h3>${journey.title}</h3><div class="scroll" tabindex="0" role="region" aria-label="${journey.title}">${journeySvg(journey)}</div></div>`)}
${findings.map(
  ({ name, verdict, seen, expected }) =>
    html`<div class="finding is-${verdict}"><p><span class="badge ${verdict}">${verdict}</span> ${name}</p><p class="note">${seen}</p>${expected ? html`<p>Expected: ${expected}</p>` : undefined}</div>`,
)}`;
}
