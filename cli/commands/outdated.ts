import type { Command } from "commander";
import semver from "semver";
import { parse } from "yaml";
import { z } from "zod";
import { nodeImageFor } from "../../config/compatibility";
import { type IstioMinor, istioMinors, nodeImage, versions } from "../../config/versions";
import { ExitCode, LabError, messageOf } from "../../host/errors";
import { type CommonOptions, openSession } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** Timeout of each request, in milliseconds. */
const timeoutMs = 10_000;

/** `outdated`: compares the pinned versions with upstream. */
export function registerOutdated(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("outdated")
    .description("compare the pinned versions with upstream's newest; exit code 1 when one is older, 3 when unknown");
  examples(json(common(command)), "npm run lab -- outdated", "npm run lab -- outdated --json");
  command.action(async (options: CommonOptions & { json?: boolean }) => {
    const { io: own } = openSession(io, options);
    const states = await pinStates({
      text: async (address) => (await own.fetcher(address, undefined, timeoutMs)).toString("utf8"),
      ...(io.env.GOPROXY ? { goProxy: io.env.GOPROXY } : {}),
    });
    io.stdout.write(options.json ? jsonText(states) : outdatedText(states));
    const has = (wanted: PinState["state"]) => states.some(({ state }) => state === wanted);
    if (has("outdated")) end(ExitCode.fail);
    else if (has("unknown")) end(ExitCode.inconclusive);
  });
}

const marks = { current: "✓", outdated: "!", unknown: "?" } as const;

function outdatedText(states: readonly PinState[]): string {
  const width = Math.max(...states.map(({ name }) => name.length));
  const lines = states.map(({ name, pinned, upstream, state, note }) => {
    const change = state === "outdated" && upstream ? [pinned, upstream].filter(Boolean).join(" → ") : pinned;
    return `${marks[state]} ${name.padEnd(width)}  ${change}${note ? `  (${note})` : ""}`;
  });
  const count = (wanted: PinState["state"]) => states.filter(({ state }) => state === wanted).length;
  const sum = `${count("outdated")} outdated, ${count("unknown")} unknown, ${count("current")} current`;
  return `${[...lines, sum].join("\n")}\n`;
}

/** A version of config/versions.ts, compared with upstream. */
export interface PinState {
  name: string;
  /** For a patch of Istio: its minor, and the lab's node image for this minor. */
  istio?: { minor: string; nodeImage: string };
  /** Version of the lab; empty for a minor that the lab does not support. */
  pinned: string;
  /** Newest upstream version; absent when it is not known. */
  upstream?: string;
  /** `unknown`: upstream did not answer, or its answer could not be parsed. */
  state: "current" | "outdated" | "unknown";
  /** Reason of the state, if the two versions do not explain it. */
  note?: string;
}

/** Access to upstream. */
export interface Upstream {
  /** Reads a URL. Rejects with a LabError without an answer in time. */
  text(address: string): Promise<string>;
  /** Value of GOPROXY, as Go's command reads it. @default https://proxy.golang.org */
  goProxy?: string;
}

/** A Go module with the same tags as the releases, and the GitHub repository of the releases. */
interface Source {
  module: string;
  repository: string;
}

const istioSource: Source = {
  // Every release of Istio tags its API as well: istio/release-builder, pkg/publish/github.go, Github().
  module: "istio.io/api",
  repository: "istio/istio",
};

const pins: Record<string, Source & { pinned: string }> = {
  MetalLB: { module: "go.universe.tf/metallb", repository: "metallb/metallb", pinned: versions.metallb },
  kind: { module: "sigs.k8s.io/kind", repository: "kubernetes-sigs/kind", pinned: versions.kind },
  Pulumi: { module: "github.com/pulumi/pulumi/sdk/v3", repository: "pulumi/pulumi", pinned: versions.pulumi },
  "go-httpbin": {
    ...{ module: "github.com/mccutchen/go-httpbin/v2", repository: "mccutchen/go-httpbin", pinned: versions.httpbin },
  },
  vegeta: { module: "github.com/tsenart/vegeta/v12", repository: "tsenart/vegeta", pinned: versions.vegeta },
  Distribution: {
    ...{ module: "github.com/distribution/distribution/v3", repository: "distribution/distribution" },
    pinned: versions.registry,
  },
};

const raw = "https://raw.githubusercontent.com";

/** Compares every pin of Istio, Gateway API, Kubernetes, MetalLB, kind, Pulumi and images with upstream. Never rejects. */
export async function pinStates({ text, ...more }: Upstream): Promise<PinState[]> {
  const answers = new Map<string, Promise<string>>();
  const once = (address: string) => {
    const answer = answers.get(address) ?? text(address);
    answers.set(address, answer);
    return answer;
  };
  const upstream = { text: once, ...more };
  const istio = releases(istioSource, upstream);
  const groups = [
    ...istioMinors.map(async (row) =>
      (await known(`Istio ${row.minor}`, row.newest, async () => patch(row, await istio))).map((state) => ({
        ...state,
        istio: { minor: row.minor, nodeImage: nodeImageFor(row.newest) },
      })),
    ),
    known("Istio", "", async () => newMinors(await istio)),
    ...istioMinors.map((row) => known(`Istio ${row.minor}: support`, "supported", () => support(row, upstream))),
    ...istioMinors.map((row) =>
      known(`Istio ${row.minor}: Gateway API`, row.gatewayApi, async () => gatewayApi(row, await istio, upstream)),
    ),
    ...Object.entries(pins).map(([name, pin]) =>
      known(name, pin.pinned, async () => [compared(name, pin.pinned, newestOf(await releases(pin, upstream)))]),
    ),
    known("node image", nodeImage, () => image(upstream)),
  ];
  return (await Promise.all(groups)).flat();
}

/** The states, or a state `unknown` with the reason. */
async function known(name: string, pinned: string, states: () => Promise<PinState[]>): Promise<PinState[]> {
  try {
    return await states();
  } catch (thrown) {
    return [{ name, pinned, state: "unknown", note: thrown instanceof LabError ? thrown.what : messageOf(thrown) }];
  }
}

const unknown = (what: string) =>
  new LabError({ what, why: "Without it the pin cannot be compared", fix: "npm run lab -- outdated" });

/** Compares versions. The upstream version gets the prefix "v" if the pinned one has it. */
function compared(name: string, pinned: string, newest: string): PinState {
  const upstream = pinned.startsWith("v") ? `v${newest}` : newest;
  return { name, pinned, upstream, state: semver.gt(newest, pinned) ? "outdated" : "current" };
}

function newestOf(found: readonly string[]): string {
  const [newest] = semver.rsort([...found]);
  if (!newest) throw unknown("Upstream names no release");
  return newest;
}

const minorOf = (version: string) => `${semver.major(version)}.${semver.minor(version)}`;

function patch({ minor, newest }: IstioMinor, found: readonly string[]): PinState[] {
  const own = found.filter((version) => minorOf(version) === minor);
  if (own.length === 0) throw unknown(`Upstream names no release of Istio ${minor}`);
  return [compared(`Istio ${minor}`, newest, newestOf(own))];
}

function newMinors(found: readonly string[]): PinState[] {
  const last = istioMinors.at(-1)?.newest ?? "0.0.0";
  const minors = new Set(found.filter((version) => semver.gt(version, last)).map(minorOf));
  minors.delete(minorOf(last));
  return [...minors].map((minor) => ({
    ...{ name: `Istio ${minor}`, pinned: "", state: "outdated", note: "the lab does not take this minor version" },
    upstream: newestOf(found.filter((version) => minorOf(version) === minor)),
  }));
}

/** istio/istio.io, data/compatibility/supportStatus.yml: the table of the page "Supported releases". */
const supportRows = z.array(z.object({ version: z.string(), supported: z.string(), k8sVersions: z.array(z.string()) }));

async function support({ minor, kubernetes }: IstioMinor, { text }: Upstream): Promise<PinState[]> {
  const table = await text(`${raw}/istio/istio.io/master/data/compatibility/supportStatus.yml`);
  const rows = supportRows.safeParse(parse(table));
  const row = rows.data?.find(({ version }) => version === minor);
  if (!row) throw unknown(`Istio's table of supported releases has no Istio ${minor}`);
  // Kubernetes has minors of major 1 alone.
  const own = Array.from({ length: 100 }, (_, index) => `1.${index}`).filter((version) =>
    semver.satisfies(`${version}.0`, kubernetes),
  );
  const same = own.length === row.k8sVersions.length && own.every((version) => row.k8sVersions.includes(version));
  return [
    {
      ...{
        name: `Istio ${minor}: support`,
        pinned: "supported",
        upstream: row.supported === "Yes" ? "supported" : "ended",
      },
      state: row.supported === "Yes" ? "current" : "outdated",
    },
    {
      ...{ name: `Istio ${minor}: Kubernetes`, pinned: own.join(" "), upstream: row.k8sVersions.join(" ") },
      state: same ? "current" : "outdated",
    },
  ];
}

/** Compares the Gateway API bundle with the one in go.mod of Istio. */
async function gatewayApi(row: IstioMinor, found: readonly string[], { text }: Upstream): Promise<PinState[]> {
  const newest = newestOf(found.filter((version) => minorOf(version) === row.minor));
  const [, upstream] =
    /^\s*sigs\.k8s\.io\/gateway-api (v\S+)/m.exec(await text(`${raw}/istio/istio/${newest}/go.mod`)) ?? [];
  if (!upstream) throw unknown(`go.mod of Istio ${newest} names no Gateway API`);
  const name = `Istio ${row.minor}: Gateway API`;
  return [{ name, pinned: row.gatewayApi, upstream, state: upstream === row.gatewayApi ? "current" : "outdated" }];
}

/** Compares the node image with the default of the newest kind. */
async function image(upstream: Upstream): Promise<PinState[]> {
  const source = pins.kind as Source;
  const newest = newestOf(await releases(source, upstream));
  const file = `${raw}/${source.repository}/v${newest}/pkg/apis/config/defaults/image.go`;
  const [, found] = /^const Image = "([^"]+)"/m.exec(await upstream.text(file)) ?? [];
  if (!found) throw unknown(`${file} names no image`);
  return [
    { name: "node image", pinned: nodeImage, upstream: found, state: found === nodeImage ? "current" : "outdated" },
  ];
}

const githubReleases = z.array(z.object({ tag_name: z.string(), draft: z.boolean(), prerelease: z.boolean() }));

/**
 * Stable releases without the prefix "v": from the first Go module proxy that lists any, else from GitHub's API.
 * @throws LabError when none of them answers
 */
async function releases({ module, repository }: Source, { text, goProxy }: Upstream): Promise<string[]> {
  const proxies = (goProxy || "https://proxy.golang.org").split(/[,|]/).filter((each) => /^https?:/.test(each));
  for (const proxy of proxies) {
    const list = await text(`${proxy.replace(/\/$/, "")}/${module}/@v/list`).catch(() => "");
    const found = stable(list.split("\n").map((line) => line.trim().split(/\s/)[0] ?? ""));
    if (found.length > 0) return found;
  }
  const address = `https://api.github.com/repos/${repository}/releases?per_page=100`;
  const answer = githubReleases.safeParse(JSON.parse(await text(address)));
  if (!answer.success) throw unknown(`${address} answers something else than releases`);
  return stable(answer.data.filter(({ draft, prerelease }) => !draft && !prerelease).map(({ tag_name }) => tag_name));
}

/** Stable versions of tags. A pseudo-version of Go is a prerelease. */
const stable = (tags: readonly string[]): string[] =>
  tags.flatMap((tag) => {
    const version = semver.parse(tag);
    return version && version.prerelease.length === 0 ? [version.version] : [];
  });
