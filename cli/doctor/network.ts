import { isWeb } from "../../artifacts/bundle-folder";
import type { Reach } from "../../artifacts/download";
import { mirrorsOf, registries } from "../../config/image-names";
import type { LabConfig } from "../../config/schema";
import { artifactsOf, tools } from "../../config/versions";
import { LabError } from "../../host/errors";
import { billPlugins } from "../offline/bill";
import type { Finding } from "./examine";

/** Timeout of a connection, in milliseconds. */
const timeoutMs = 5_000;

/** A host that the lab downloads from. */
interface Host {
  address: string;
  /** Description of the downloads. */
  gives: string;
  kind: "files" | "images";
}

/** Connects to every host that a lab of this configuration needs. The last finding proposes an alternative to silent hosts. */
export async function examineNetwork(config: LabConfig, reach: Reach): Promise<Finding[]> {
  const hosts = hostsOf(config);
  const answers = await Promise.all(hosts.map(async (host) => ({ host, ...(await ask(host, reach, config.caFile)) })));
  const findings = answers.map(({ host, problem, ms }): Finding => {
    const name = new URL(host.address).host;
    const head = { id: `network:${name}`, title: `${name} answers` };
    if (!problem) return { ...head, status: "ok", what: `${host.gives}, ${ms} ms` };
    return {
      ...head,
      status: "warn",
      what: problem.what.replace("Cannot download", "Cannot reach"),
      why: `It has ${host.gives}`,
      fix: problem.fix,
    };
  });
  const silent = (kind: Host["kind"]) => answers.filter(({ host, problem }) => problem && host.kind === kind);
  return [...findings, wayOf(silent("files").length, silent("images").length, answers)];
}

async function ask({ address }: Host, reach: Reach, caFile?: string): Promise<{ problem?: LabError; ms: number }> {
  const begin = performance.now();
  const ms = () => Math.round(performance.now() - begin);
  try {
    await reach(address, timeoutMs, caFile);
    return { ms: ms() };
  } catch (thrown) {
    if (!(thrown instanceof LabError)) throw thrown;
    return { problem: thrown, ms: ms() };
  }
}

/** The hosts of a configuration. A mirror or folder replaces the upstream hosts. */
function hostsOf({ artifactSource, imageMirrors, ...chosen }: LabConfig): Host[] {
  const upstream = [
    ...artifactsOf(chosen).map(({ kind, upstream }) => ({
      gives: `${kind}s`,
      address: kind === "chart" ? `${upstream}/index.yaml` : upstream,
    })),
    ...[...Object.values(tools), ...billPlugins()].map(({ upstream }) => ({ gives: "tools", address: upstream })),
  ];
  const files = !artifactSource
    ? upstream
    : isWeb(artifactSource)
      ? [{ gives: "everything but images", address: `${artifactSource}/SHA256SUMS` }]
      : [];
  const mirrors = mirrorsOf(imageMirrors);
  const images = Object.entries(registries).map(([registry, upstream]) => ({
    gives: `images of ${registry}`,
    address: mirrors.get(registry) ?? `${upstream}/v2/`,
  }));
  const all = [
    ...files.map((each): Host => ({ ...each, kind: "files" })),
    ...(artifactSource && !isWeb(artifactSource) ? [] : images.map((each): Host => ({ ...each, kind: "images" }))),
  ];
  const byHost = new Map(all.map((each) => [`${new URL(each.address).host} ${each.gives}`, each]));
  return [...byHost.values()];
}

/** The finding about all hosts together. */
function wayOf(files: number, images: number, answers: readonly unknown[]): Finding {
  const head = { id: "network", title: "There is a way to everything the lab needs" };
  if (answers.length === 0) return { ...head, status: "ok", what: "artifactSource is a folder: no host is asked" };
  if (files + images === 0)
    return { ...head, status: "ok", what: "nothing to set; Docker asks the registries by its own way" };
  const bundle =
    "npm run lab -- bundle DIR   (on a machine with a network), then here: npm run lab -- config set artifactSource DIR";
  const why = "What is in the cache and in Docker needs no network; the rest does";
  if (files > 0 && images > 0) {
    return {
      ...head,
      status: "warn",
      what: "Neither files nor images come through in full",
      why,
      fix: `behind a proxy: export HTTPS_PROXY=http://PROXY:PORT; else ${bundle}`,
    };
  }
  const mirror =
    files > 0
      ? "npm run lab -- config set artifactSource https://MIRROR"
      : "npm run lab -- config set imageMirrors '[docker.io=https://MIRROR]'";
  const what =
    files > 0
      ? "Registries answer, and hosts of charts, manifests or tools do not"
      : "Charts, manifests and tools come through, and not every registry answers";
  return { ...head, status: "warn", what, why, fix: `${mirror}   or: ${bundle}` };
}
