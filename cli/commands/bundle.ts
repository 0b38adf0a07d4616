import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { readFacts } from "../../artifacts/bundle-folder";
import type { LabConfig } from "../../config/schema";
import { ExitCode, type LabError, UsageError } from "../../host/errors";
import { shellWord } from "../../host/shell";
import {
  type BundleOrder,
  bundleImages,
  filePieces,
  fill,
  trimmedSource,
  verifyBundle,
  withoutText,
} from "../offline/bundle";
import { type BundleWork, hostPlatform, type Part, parts, platforms } from "../offline/pieces";
import { type CommonOptions, openSession, type Session } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

interface BundleOptions extends CommonOptions {
  json?: boolean;
  verify?: boolean;
  platform?: string;
  without: Part[];
  from?: string;
}

/** `bundle`: downloads everything into a folder, for a lab without a network. */
export function registerBundle(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("bundle")
    .description("download everything that the lab needs into a folder; continues where it was stopped")
    .argument("<dir>", "folder to fill, or to check");
  examples(
    json(common(command))
      .option("--verify", "check the folder instead, and list missing and damaged files")
      .addOption(
        new Option("--platform <platform>", "machine to collect for (default: this one)").choices(
          platforms.map(({ name }) => name),
        ),
      )
      .option("--without <part>", `leave out a part: ${parts.join(", ")} (repeatable)`, addPart, [])
      .option("--from <source>", "mirror or folder to take files from (default: artifactSource)"),
    "npm run lab -- bundle /media/usb/lab",
    "npm run lab -- bundle --verify /media/usb/lab",
    "npm run lab -- bundle DIR --platform darwin/arm64 --without plugins",
  );
  command.action(async (dir: string, options: BundleOptions) => {
    const session = openSession(io, options);
    const folder = resolve(dir);
    const order = orderOf(folder, session.config, options);
    const work = workOf(session, options, folder);
    if (options.verify) {
      const pieces = [...filePieces(order, work), ...(await bundleImages(order, work, true))];
      const wanted = pieces.map(({ path }) => path);
      const flaws = await verifyBundle(folder, wanted);
      if (flaws.length > 0) end(ExitCode.fail);
      const lines = flaws.map(({ path, flaw }) => `✗ ${path} is ${flaw}\n`);
      const verdict =
        flaws.length > 0
          ? `Fetch them again: npm run lab -- bundle ${shellWord(dir)}${withoutText(order.without)}`
          : `${dir} is whole`;
      io.stdout.write(options.json ? jsonText({ folder, flaws }) : `${lines.join("")}${verdict}\n`);
      return;
    }
    const files = await fill(order, work, session.progress);
    const answer = { folder, platform: work.platform.name, files };
    io.stdout.write(options.json ? jsonText(answer) : nextSteps(dir, answer.platform, files.length));
  });
}

function workOf({ io, config }: Session, { platform: wanted, from }: BundleOptions, folder: string): BundleWork {
  const made = readFacts(folder)?.platform;
  const name = wanted ?? made ?? hostPlatform();
  const platform = platforms.find((each) => each.name === name);
  if (!platform || (made && made !== name)) throw otherPlatform(folder, made ?? "?", name);
  const given = trimmedSource(from ?? config.artifactSource);
  const source = given && resolve(given) !== folder ? given : undefined;
  const { exec, fetcher, signal } = io;
  return { fetch: fetcher, exec, signal, platform, imageMirrors: config.imageMirrors, source };
}

function otherPlatform(folder: string, made: string, wanted: string): LabError {
  return new UsageError({
    what: `"${folder}" is a bundle for ${made}, not for ${wanted}`,
    why: "A bundle is for one platform: tools and images of two have the same names in it",
    fix: `npm run lab -- bundle ANOTHER-DIR --platform ${wanted}`,
  });
}

function addPart(value: string, previous: Part[]): Part[] {
  const part = parts.find((each) => each === value);
  if (!part) throw new InvalidArgumentError(`Allowed parts are ${parts.join(", ")}.`);
  return [...previous, part];
}

/** Content that the folder must have. For a check, it is the content of the bundle's creation. */
function orderOf(folder: string, config: LabConfig, { verify, without }: BundleOptions): BundleOrder {
  const made = verify ? readFacts(folder) : undefined;
  const left = parts.filter((part) => without.includes(part) || made?.without?.includes(part));
  return { folder, without: left, config: { ...config, appImage: config.appImage ?? made?.appImage } };
}

function nextSteps(dir: string, platform: string, count: number): string {
  return [
    `${dir} holds the lab for ${platform}: ${count} files.`,
    "Take it to the other machine with this checkout and its node_modules; there:",
    `  npm run lab -- bundle --verify ${shellWord(dir)}`,
    `  npm run lab -- config set artifactSource ${shellWord(dir)}`,
    "  npm run up",
    "",
  ].join("\n");
}
