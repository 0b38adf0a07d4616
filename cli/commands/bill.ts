import type { Command } from "commander";
import { artifactsOf } from "../../config/versions";
import { tableLines } from "../../host/table";
import { type BillEntry, billEntries, labPackage, manifestImages, ownImages } from "../offline/bill";
import { type CommonOptions, openSession } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `bill`: lists everything that the lab downloads, with version, source and licence. */
export function registerBill(program: Command, { io }: CommandContext): void {
  const command = program.command("bill").description("list every chart, manifest, tool, plugin and image of the lab");
  command.option("--sbom", "print a software bill of materials (CycloneDX 1.6, JSON)");
  examples(
    json(common(command)),
    "npm run lab -- bill",
    "npm run lab -- bill --json",
    "npm run --silent lab -- bill --sbom",
  );
  command.action(async (options: CommonOptions & { json?: boolean; sbom?: boolean }) => {
    const { config, progress, io: own } = openSession(io, options);
    const source = config.artifactSource;
    const artifacts = artifactsOf(config);
    const manifests = artifacts.filter(({ kind }) => kind === "manifest");
    const named = await manifestImages(manifests, { fetch: own.fetcher, source });
    for (const each of named) {
      if ("unknown" in each)
        progress.line(`! The images of ${each.artifact.name} are not listed. ${each.unknown.what}`);
    }
    const images = [...ownImages(config), ...named.flatMap((each) => ("images" in each ? each.images : []))];
    const entries = billEntries(artifacts, images);
    if (options.sbom) return void io.stdout.write((await import("../offline/sbom.ts")).sbom(entries, labPackage()));
    io.stdout.write(options.json ? jsonText(entries) : billText(entries));
  });
}

/** A table for each kind, headed by its platforms. */
function billText(entries: readonly BillEntry[]): string {
  const kinds = [...new Set(entries.map(({ kind }) => kind))];
  const blocks = kinds.map((kind) => {
    const ofKind = entries.filter((entry) => entry.kind === kind);
    const platforms = ofKind[0]?.platforms.join(", ");
    const lines = tableLines(ofKind.map(row)).map((line) => `  ${line}`);
    return [`${kind}s${platforms && `  (${platforms})`}`, ...lines].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}

function row({ kind, name, version, licence, source, of, digest }: BillEntry): string[] {
  const known = digest ? [`${digest.slice(0, "sha256:".length + 12)}…`] : [];
  return [name, version, licence, kind === "image" ? `named by ${of}` : source, ...known];
}
