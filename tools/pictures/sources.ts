import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { reachSchema } from "../../access/reach/schema";
import { dashboards } from "../../cli/commands/open";
import { readEvidence } from "../../cli/report/evidence";
import { costSection } from "../../cli/report/html/cost";
import { html } from "../../cli/report/html/escape";
import { renderHtml } from "../../cli/report/html/page";
import { reachPage } from "../../cli/report/html/reach-page";
import { pageText } from "../../cli/report/html/shell";
import { renderMarkdown } from "../../cli/report/markdown";
import { costSchema } from "../../verify/cost/schema";
import { parseCast } from "./cast";
import { sessions } from "./sessions";
import { terminalSvg } from "./terminal-svg";

const docs = join(__dirname, "../../docs");

/** Recordings of commands on a real lab. */
export const recordings = join(docs, "sample");

/** Evidence of a real lab: that of `npm run up`, with the matrix of `reach`. */
export const sampleEvidence = join(docs, "sample/evidence");

export const pictureFolder = join(docs, "pictures");

/** Digests of what the pictures show: a picture with another digest is out of date. */
export const sourcesFile = join(pictureFolder, "sources.json");

/** The picture of Kiali's graph, and the part of its address that decides what it shows. */
export const graphPicture = { file: join(pictureFolder, "kiali.png"), source: dashboards.kiali.page };

/** Digest of what a picture shows, as {@link sourcesFile} keeps it. */
export const digestOf = (source: string): string => createHash("sha256").update(source).digest("hex");

/** A page and the file of its picture. */
interface PicturedPage {
  file: string;
  html: string;
  colorScheme: "light" | "dark";
  height: number;
}

/** The files that need no browser, and the pages that need one. */
export async function pictured(): Promise<{ files: { file: string; content: string }[]; pages: PicturedPage[] }> {
  // The report contains the path of the folder, which must not be that of this machine.
  const evidence = { ...readEvidence(sampleEvidence), folder: "docs/sample/evidence" };
  const report = await renderHtml(evidence);
  if (!evidence.reach) throw new RangeError(`${sampleEvidence} has no matrix`);
  const matrix = reachPage(evidence.reach);
  // `npm run lab -- reach --namespace shop --json` on a kind cluster with Istio and examples/shop, and nothing of the lab.
  const shop = reachSchema.parse(JSON.parse(readFileSync(join(recordings, "shop-reach.json"), "utf8")));
  const casts = readdirSync(recordings).filter((file) => file.endsWith(".cast"));
  const terminals = casts.map((file) => {
    const name = file.replace(/\.cast$/, "");
    const cast = parseCast(readFileSync(join(recordings, file), "utf8"));
    return { file: join(pictureFolder, `${name}.svg`), content: terminalSvg(cast, sessions[name]?.title ?? name) };
  });
  return {
    files: [
      ...terminals,
      { file: join(recordings, "report.html"), content: report },
      { file: join(recordings, "report.md"), content: renderMarkdown(evidence) },
    ],
    pages: [
      { file: join(pictureFolder, "report-light.png"), html: report, colorScheme: "light", height: 1300 },
      { file: join(pictureFolder, "report-dark.png"), html: report, colorScheme: "dark", height: 1300 },
      { file: join(pictureFolder, "reach.png"), html: matrix, colorScheme: "light", height: 760 },
      { file: join(pictureFolder, "cost.png"), html: await costPage(), colorScheme: "light", height: 1640 },
      { file: join(pictureFolder, "shop.png"), html: reachPage(shop), colorScheme: "light", height: 1180 },
    ],
  };
}

/** The measurement of a lab with the module `cost`, as its report shows it. */
async function costPage(): Promise<string> {
  const cost = costSchema.parse(JSON.parse(readFileSync(join(recordings, "cost.json"), "utf8")));
  return pageText({
    title: "Ambient lab: the cost of the mesh",
    head: html`<header class="top"><p class="eyebrow">Ambient lab, module cost</p><h1>ztunnel, waypoint and sidecars side by side</h1></header>`,
    sections: [["cost", "Cost of the mesh", await costSection(cost, [])]],
    footer: html``,
  });
}
