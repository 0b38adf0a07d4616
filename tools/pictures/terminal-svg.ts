import type { Cast } from "./cast";

const size = { character: 7.83, line: 19, rows: 22, margin: 16, bar: 28 } as const;
/** Longest pause between two lines, in seconds; longer ones are shortened. */
const longestWait = 0.9;
/** Pause before another command, in seconds: its output will scroll that of the one before away. */
const readingTime = 3;

/** The class of a line by its mark, like the colours of the command line. A legend has several marks, and no class. */
function classOf(text: string): string {
  const [, mark = ""] = /[✓✗].*[✓✗]/u.test(text) ? [] : (/^\s*([✓✗!$~+-]) /u.exec(text) ?? []);
  return { "✓": " ok", "✗": " no", "!": " warn", $: " cmd", "~": " warn", "+": " ok", "-": " no" }[mark] ?? "";
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A recording as an SVG animation without a script, so that it plays in an `img`. With reduced motion it shows the last frame. */
export function terminalSvg({ width, lines: recorded }: Cast, title: string): string {
  // A terminal continues a long line on the next row.
  const lines = recorded.flatMap(({ at, text }) =>
    (text.match(new RegExp(`.{1,${width}}`, "gu")) ?? [""]).map((part) => ({ at, text: part, class: classOf(text) })),
  );
  const times: number[] = [];
  for (const [index, { at, text }] of lines.entries()) {
    const before = times.at(-1) ?? 0;
    const wait =
      index > 0 && text.startsWith("$ ") ? readingTime : Math.min(longestWait, at - (lines[index - 1]?.at ?? 0));
    times.push(before + wait + 0.03);
  }
  const total = (times.at(-1) ?? 0) + 0.5;
  const inner = { width: Math.ceil(width * size.character), height: size.rows * size.line };
  const [w, h] = [inner.width + 2 * size.margin, inner.height + size.bar + 2 * size.margin];
  const hidden = Math.max(0, lines.length - size.rows);
  const scroll = Array.from({ length: hidden }, (_, index) => {
    const at = ((times[index + size.rows] ?? total) / total) * 100;
    return `${at.toFixed(2)}% { transform: translateY(${-(index + 1) * size.line}px); }`;
  });
  const rows = lines.map(({ text, class: mark }, index) => {
    const y = index * size.line + 14;
    const delay = (times[index] ?? 0).toFixed(2);
    return `<text class="l${mark}" y="${y}" style="animation-delay:${delay}s" xml:space="preserve">${escaped(text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}</title>
<style>
.l { font: 13px/1 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; fill: #d7dde4; opacity: 0; animation: show .01s both; }
.ok { fill: #6fd39a; } .no { fill: #ff9a9a; } .warn { fill: #f2c26b; } .cmd { fill: #9cc7ff; font-weight: 600; }
.all { animation: scroll ${total.toFixed(2)}s step-end both; }
@keyframes show { to { opacity: 1; } }
@keyframes scroll { 0% { transform: translateY(0); } ${scroll.join(" ")} 100% { transform: translateY(${-hidden * size.line}px); } }
@media (prefers-reduced-motion: reduce) { .l { opacity: 1; animation: none; } .all { animation: none; transform: translateY(${-hidden * size.line}px); } }
</style>
<rect width="${w}" height="${h}" rx="10" fill="#14181d"/><circle cx="20" cy="15" r="5" fill="#ff5f57"/><circle cx="38" cy="15" r="5" fill="#febc2e"/><circle cx="56" cy="15" r="5" fill="#28c840"/>
<svg x="${size.margin}" y="${size.bar + size.margin}" width="${inner.width}" height="${inner.height}"><g class="all">
${rows.join("\n")}
</g></svg>
</svg>
`;
}
