import { Html, html } from "./escape";
import { style } from "./style";

/** The page loads nothing and runs no script. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The parts of a page. */
export interface Page {
  title: string;
  head: Html;
  /** Id, name in the navigation, and text of each section; a section without text is left out. */
  sections: readonly (readonly [id: string, name: string, text: Html | undefined])[];
  footer: Html;
}

/** A whole page as one HTML file. */
export function pageText({ title, head, sections, footer }: Page): string {
  const shown = sections.filter(([, , section]) => section !== undefined);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}"><title>${title}</title><style>${new Html(style)}</style></head>
<body>${head}
<main><nav aria-label="Sections"><ul>${shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
${shown.map(([, , section]) => section)}</main>
<footer>${footer}</footer></body></html>
`;
  return page.text;
}

/** An ISO 8601 time as text of a page. */
export const timeText = (iso: string): string => iso.replace("T", " ").replace(/\.\d+Z$/, " UTC");
