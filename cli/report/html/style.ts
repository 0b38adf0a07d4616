/** The style sheet of all pages. Colours are variables, which the drawings use as well, for a light and a dark theme. */
export const style = `
:root { color-scheme: light dark; --bg:#f7f7f5; --card:#ffffff; --ink:#1b1f24; --muted:#5b6470; --line:#e2e4e8; --soft:#f1f2f4;
  --ok:#14713f; --okbg:#e3f4ea; --no:#b4232a; --nobg:#fdeaea; --warn:#8f4a00; --warnbg:#fdf0dd; --info:#0b5cad; --infobg:#e4f0fc;
  --fast:#0f7f8c; --slow:#c2590a; --band:#fbe3c8; --hbone:#5b3fb8; --edge:#0003; }
@media (prefers-color-scheme: dark) { :root { --bg:#0f1214; --card:#171b1f; --ink:#e8ebee; --muted:#9aa4af; --line:#2b3238; --soft:#1e2429;
  --ok:#4fd18b; --okbg:#12321f; --no:#ff8a8a; --nobg:#3c1618; --warn:#f5b35c; --warnbg:#35240d; --info:#7db8ff; --infobg:#12283f;
  --fast:#3fb9c6; --slow:#f0914a; --band:#3a2716; --hbone:#b3a1ff; --edge:#fff3; } }
* { box-sizing: border-box; }
body { margin:0; background:var(--bg); color:var(--ink); font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif; }
main,header.top,footer { max-width: 980px; margin: 0 auto; padding: 0 24px; }
header.top { padding-top: 40px; padding-bottom: 8px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.02em; margin: 6px 0 8px; }
h2 { font-size: 20px; letter-spacing: -.01em; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 0 0 2px; } h1,h2,h3 { overflow-wrap: anywhere; }
p { margin: 4px 0 12px; max-width: 74ch; }
.lead,.note,caption { color: var(--muted); }
.eyebrow { overflow-wrap: anywhere; color: var(--muted); font-size: 13px; letter-spacing: .02em; margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 22px 24px; margin: 18px 0; }
nav ul { display:flex; flex-wrap:wrap; gap: 4px 18px; list-style:none; padding:0; margin: 14px 0 0; }
a { color: var(--info); text-underline-offset: 3px; } a:focus-visible,summary:focus-visible,.scroll:focus-visible { outline: 2px solid var(--info); outline-offset: 2px; border-radius: 4px; }
.tiles { display:grid; grid-template-columns: repeat(auto-fit,minmax(120px,1fr)); gap: 10px; margin: 18px 0 0; padding: 0; }
.tile { background:var(--card); border:1px solid var(--line); border-radius:12px; padding:10px 14px; }
.tile dt { color:var(--muted); font-size:13px; } .tile dd { margin:0; font-size:22px; font-weight:650; letter-spacing:-.01em; overflow-wrap:anywhere; }
.tile dd.small { font-size:15px; line-height:1.8; }
.badge { display:inline-block; border-radius:999px; padding:1px 10px; font-size:13px; font-weight:600; white-space:nowrap; }
.pass { color:var(--ok); background:var(--okbg); } .fail { color:var(--no); background:var(--nobg); } .inconclusive { color:var(--warn); background:var(--warnbg); }
.known-upstream { color:var(--info); background:var(--infobg); } .skipped { color:var(--muted); background:var(--soft); }
.scroll { position:relative; overflow-x:auto; background:linear-gradient(90deg,var(--card) 30%,transparent) local left/40px 100% no-repeat,linear-gradient(270deg,var(--card) 30%,transparent) local right/40px 100% no-repeat,
  linear-gradient(90deg,var(--edge),transparent) scroll left/14px 100% no-repeat,linear-gradient(270deg,var(--edge),transparent) scroll right/14px 100% no-repeat; } table { border-collapse:collapse; width:100%; font-size:14px; }
caption { text-align:left; font-size:13px; padding-bottom:6px; }
th,td { text-align:left; vertical-align:top; padding:8px 14px 8px 0; border-top:1px solid var(--line); } thead th { border-top:0; color:var(--muted); font-weight:600; font-size:13px; }
tbody th { font-weight:500; } td.num,th.num { text-align:right; font-variant-numeric:tabular-nums; white-space:nowrap; } td:last-child,th:last-child { padding-right:0; }
code,pre,.identity { font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace; font-size:12.5px; }
code { overflow-wrap:anywhere; } h2 code,h3 code { font-size:.92em; } pre { background:var(--soft); border-radius:8px; padding:10px 12px; overflow-wrap:anywhere; white-space:pre-wrap; margin:6px 0; max-height:340px; overflow-y:auto; }
details { margin:2px 0; } summary { cursor:pointer; color:var(--muted); font-size:13px; } summary:hover { color:var(--ink); } .id { color:var(--muted); font-weight:400; font-size:13px; }
.finding { border-left:3px solid var(--line); padding:2px 0 2px 12px; margin:10px 0; } .finding p { margin:2px 0; overflow-wrap:anywhere; } section > .finding + h3,section > .fix + h3 { margin-top:20px; }
.finding.is-fail { border-color:var(--no); } .finding.is-inconclusive { border-color:var(--warn); } .finding.is-pass { border-color:var(--ok); }
.fix { background:var(--soft); border-radius:8px; padding:8px 12px; }
figure { margin:18px 0 6px; } figure svg { width:100%; height:auto; } figcaption { font-size:13px; color:var(--muted); margin-bottom:18px; } section > .scroll + h3 { margin-top:18px; }
.chips { display:flex; flex-wrap:wrap; gap:6px; align-items:center; list-style:none; padding:0; margin:8px 0 12px; } .chips li:not(:last-child)::after { content:"→"; color:var(--muted); margin-left:6px; }
.chip { border:1px solid var(--line); border-radius:7px; padding:2px 9px; font-family:ui-monospace,Menlo,Consolas,monospace; font-size:12.5px; } .chip.key { border-color:var(--hbone); color:var(--hbone); font-weight:600; }
.journey { border-top:1px solid var(--line); padding:16px 0 8px; } .journey:first-of-type { border-top:0; }
svg.way { width:100%; min-width:640px; height:auto; display:block; margin:6px 0; }
.way text { text-anchor:middle; font-size:10.5px; fill:var(--muted); } .way .name { font-size:14px; font-weight:650; fill:var(--ink); } .way .identity { font-size:10px; fill:var(--hbone); }
.hop rect { fill:var(--card); stroke:var(--muted); stroke-width:1.4; } .hop.unrecorded rect { stroke-dasharray:5 4; }
.hop.answered rect { fill:var(--okbg); stroke:var(--ok); stroke-width:2; } .hop.stopped rect { fill:var(--nobg); stroke:var(--no); stroke-width:2; }
.hop.dim rect { stroke:var(--line); fill:none; } .hop.dim text,.leg.dim text { opacity:.55; }
.leg path { stroke:var(--muted); stroke-width:1.6; fill:none; } .leg .head { fill:var(--muted); stroke:none; } .leg.hbone path { stroke:var(--hbone); stroke-width:2.4; } .leg.hbone .head { fill:var(--hbone); stroke:none; }
.leg.dim path { stroke:var(--line); stroke-dasharray:3 4; } .leg.dim .head { fill:var(--line); stroke:none; }
.end circle { fill:var(--ok); } .end.stopped circle { fill:var(--no); } .end path { stroke:var(--card); stroke-width:2; fill:none; stroke-linecap:round; stroke-linejoin:round; }
.way .end text { font-size:12.5px; font-weight:600; fill:var(--ok); } .way .end.stopped text { fill:var(--no); } .way .end text[text-anchor=end] { text-anchor:end; }
.plain { columns:2; padding-left:18px; margin:6px 0; font-size:13.5px; } footer { color:var(--muted); font-size:13px; padding-bottom:48px; }
.sr { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); white-space:nowrap; }
.matrix thead td { border-top:0; } .matrix th,.matrix td { padding:6px 14px 6px 0; } .matrix tbody th { white-space:nowrap; } .matrix thead th { font-family:ui-monospace,Menlo,Consolas,monospace; font-weight:500; font-size:12.5px; white-space:nowrap; }
.cell summary { list-style:none; width:fit-content; white-space:nowrap; font-weight:600; text-decoration:underline dotted; text-decoration-thickness:1px; text-underline-offset:4px; } .cell summary::-webkit-details-marker { display:none; }
.cell.allowed summary { color:var(--ok); } .cell.stopped summary { color:var(--no); } .cell.unknown summary { color:var(--warn); } .cell.differ summary { background:var(--warnbg); color:var(--warn); border-radius:6px; padding:1px 8px; }
.said { width:min(74vw,480px); margin:6px 0 10px; } .said dl { margin:0; display:grid; grid-template-columns:auto 1fr; gap:2px 12px; } .said dt { color:var(--muted); } .said dd { margin:0; overflow-wrap:anywhere; }
.legend { display:flex; flex-wrap:wrap; gap:2px 18px; list-style:none; padding:0; margin:6px 0 14px; color:var(--muted); font-size:13px; }
@media (min-width:641px) { .matrix tbody th,.matrix thead td { position:sticky; left:0; background:var(--card); z-index:1; } }
@media (max-width:640px) { main,header.top,footer { padding-left:14px; padding-right:14px; } section { padding:16px 14px; } .plain { columns:1; } h1 { font-size:24px; } figure svg { min-width:560px; } }
@media print { :root { --bg:#fff; --edge:transparent; } .tiles { grid-template-columns:repeat(6,1fr); } .tile { padding:6px 8px; } .tile dd { font-size:16px; } .scroll { overflow:visible; } body { font-size:11pt; } section { border:0; padding:0; margin:18pt 0; } nav { display:none; } main,header.top,footer { max-width:none; padding:0; }
  figure,.journey,tr,.finding { break-inside:avoid; } h2,h3 { break-after:avoid; } pre { max-height:none; } .raw:not([open]) { display:none; } details:not(.raw,.cell)::details-content { content-visibility:visible; block-size:auto; } }
`;
