import { pathToFileURL } from "node:url";
import { Argument, type Command } from "commander";
import type { AddonName } from "../../config/vocabulary";
import type { LabFacts } from "../../experiments/types";
import { UsageError } from "../../host/errors";
import { kubeLabClient } from "../../verify/kube";
import { PodFinder } from "../../verify/pods";
import { dashboards, forward } from "../dashboards";
import { runningLab } from "../stack/running-lab";
import type { Io } from "../terminal/io";
import { aborted, type CommandContext, common, examples, json, jsonText } from "./common";
import { writeReport } from "./report";

interface OpenOptions {
  stack?: string;
  browser: boolean;
  json?: boolean;
}

const addons = Object.keys(dashboards) as AddonName[];

/** `open`: a dashboard, or the report, in the browser. */
export function registerOpen(program: Command, { io }: CommandContext): void {
  const command = program
    .command("open")
    .description("forward a dashboard to 127.0.0.1 until Ctrl-C and open it; or open the newest report")
    .addArgument(new Argument("<what>").choices([...addons, "report"]));
  examples(
    json(common(command)).option("--no-browser", "print the address only"),
    "npm run lab -- open kiali        # the graph of namespace default, traffic moving",
    "npm run lab -- open grafana --no-browser",
    "npm run lab -- open report",
  );
  command.action((what: AddonName | "report", options: OpenOptions) =>
    what === "report" ? openReport(io, options) : openDashboard(io, what, options),
  );
}

async function openReport(io: Io, options: OpenOptions): Promise<void> {
  const { files } = await writeReport(io, options.stack === undefined ? {} : { stack: options.stack });
  await show(io, pathToFileURL(files[0] ?? "").href, "the report", options);
}

async function openDashboard(io: Io, addon: AddonName, options: OpenOptions): Promise<void> {
  const facts = await runningLab(io, options);
  requireAddon(facts, addon);
  const { service, port, page, find, shows } = dashboards[addon];
  const lab = await kubeLabClient(facts);
  const target = () => new PodFinder(lab).behind(service, port, io.signal);
  const first = await target();
  const better = find
    ? await lab.podGet(first.pod, first.port, find.path, io.signal).then(
        ({ body }) => find.page(JSON.parse(body)),
        // The page to begin with is a nicety: its absence must not keep the dashboard shut.
        () => undefined,
      )
    : undefined;
  const lead = await forward(facts, { target, failed: (reason) => io.stderr.write(`! ${reason}\n`) });
  try {
    await show(io, `http://127.0.0.1:${lead.port}${better ?? page}`, shows, options);
    io.stderr.write("Open until Ctrl-C.\n");
    await aborted(io.signal);
  } finally {
    lead.close();
  }
}

async function show(io: Io, url: string, shows: string, options: OpenOptions): Promise<void> {
  io.stdout.write(options.json ? jsonText({ url, shows }) : `${url}\n`);
  if (!options.browser || !io.openBrowser) return;
  io.stderr.write(`Opening ${shows}\n`);
  await io.openBrowser(url);
}

function requireAddon({ stack, settings }: LabFacts, addon: AddonName): void {
  if (settings.addons.includes(addon)) return;
  const has = settings.addons.length > 0 ? `It has ${settings.addons.join(", ")}` : "It has no dashboards";
  // Kiali and Grafana draw what Prometheus has.
  const wanted = [...new Set<AddonName>(["prometheus", ...settings.addons, addon])];
  throw new UsageError({
    what: `Lab "${stack}" has no ${addon}`,
    why: `${has}: the key "addons" of its stack names what is installed`,
    fix: `npm run up -- --stack ${stack} --config 'addons=[${wanted.join(", ")}]'`,
  });
}
