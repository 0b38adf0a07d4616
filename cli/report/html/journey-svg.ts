import type { Hop, Journey, Leg } from "../journeys";
import { type Html, html } from "./escape";

const box = { width: 100, height: 54, y: 22 } as const;
const gap = 108;
const step = box.width + gap;
const wide = 5 * box.width + 4 * gap + 4;
const height = 106;
const middle = box.y + box.height / 2;

const words: Record<Leg["transport"], string> = {
  HBONE: "HBONE mTLS",
  TLS: "TLS",
  plain: "plain",
  node: "in the node",
};

/** The path of a request as SVG: boxes for the hops, arrows for the legs, a mark at the hop that decided. */
export function journeySvg({ id, title, hops, legs, outcome, stopped }: Journey): Html {
  return html`<svg class="way" role="img" aria-labelledby="${id}-title ${id}-desc" viewBox="0 0 ${wide} ${height}">
<title id="${id}-title">${title}</title><desc id="${id}-desc">${wordsOf({ hops, legs, outcome })}</desc>
${legs.map((leg, index) => legSvg(leg, index))}
${hops.map((hop, index) => hopSvg(hop, index))}
${hops.map((hop, index) => (hop.end ? outcomeSvg(outcome, stopped, index, hops.length) : undefined))}
</svg>`;
}

/** The same path as text, for screen readers and Markdown. */
export function wordsOf({ hops, legs, outcome }: Pick<Journey, "hops" | "legs" | "outcome">): string {
  const said = hops.map(({ name, reached, end }, index) => {
    const leg = legs[index - 1];
    const by = leg ? `${words[leg.transport]}${leg.identity ? ` as ${leg.identity}` : ""} to ` : "";
    return reached ? `${by}${name}${end ? ` (${outcome})` : ""}` : `${name} not reached`;
  });
  return said.join(", ");
}

function legSvg({ transport, identity, reached }: Leg, index: number): Html {
  const from = 2 + index * step + box.width;
  const end = from + gap - 8;
  const center = from + gap / 2 - 2;
  const kind = `${reached ? "" : " dim"}${transport === "HBONE" ? " hbone" : ""}`;
  return html`<g class="leg${kind}" style="--i:${index + 0.5}"><path d="M${from + 3} ${middle}H${end}"/><path class="head" d="M${end - 1} ${middle - 5}l8 5l-8 5z"/>
<text x="${center}" y="${middle - 9}">${words[transport]}</text>
<text class="identity" x="${center}" y="${middle + 18}">${identity ?? ""}</text></g>`;
}

function hopSvg({ name, role, reached, recorded, end, layer }: Hop, index: number): Html {
  const x = 2 + index * step;
  const state = end ?? (reached ? "passed" : "dim");
  return html`<g class="hop ${state} ${layer}${recorded || !reached ? "" : " unrecorded"}" style="--i:${index}"><rect x="${x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="8"/>
<text class="name" x="${x + box.width / 2}" y="${middle - 3}">${name}</text><text class="role" x="${x + box.width / 2}" y="${middle + 14}">${role}</text></g>`;
}

function outcomeSvg(outcome: string, stopped: boolean, index: number, count: number): Html {
  const x = 2 + index * step + box.width / 2;
  const last = index === count - 1 && count === 5;
  const anchor = last ? "end" : "middle";
  const at = last ? x + box.width / 2 : Math.max(x, 150);
  const badge = html`<circle cx="${x}" cy="${box.y}" r="9"/><path d="${stopped ? `M${x - 3.5} ${box.y - 3.5}l7 7m0 -7l-7 7` : `M${x - 4} ${box.y}l3 3.5l5 -7`}"/>`;
  return html`<g class="end ${stopped ? "stopped" : "answered"}">${badge}<text x="${at}" y="${box.y + box.height + 20}" text-anchor="${anchor}">${outcome}</text></g>`;
}
