import { existsSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import semver from "semver";
import { isWeb } from "../../artifacts/bundle-folder";
import { supported } from "../../config/versions";
import { nodeSysctls } from "../../config/vocabulary";
import { LabError } from "../../host/errors";
import { clusterName, labBin, labHome } from "../../host/paths";
import { requireWritable } from "../../host/write-file";
import { type Check, type CheckContext, ok, unknownWithoutDocker } from "../../preflight/check";
import { bytesText } from "../stack/nodes";
import { findTool, type Tool, tools } from "../toolchain/tools";

/** Least inotify limits of the Docker host. `up` raises the limits and never lowers them. */
const inotify: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(nodeSysctls).map(([name, least]) => [name.replace("fs.inotify.", ""), least]),
);
const inotifyDir = "/proc/sys/fs/inotify";

const node: Check = {
  id: "node",
  title: "Node.js is new enough",
  kindOnly: false,
  look() {
    const { node: version } = process.versions;
    if (semver.satisfies(version, supported.node)) return ok(version);
    return {
      status: "fail",
      what: `This is Node.js ${version}`,
      why: `The lab's packages run on Node.js ${supported.node}`,
      fix: "nvm install   (.nvmrc names the version)",
    };
  },
};

const home: Check = {
  id: "home",
  title: "The lab's folder can be written",
  kindOnly: false,
  look() {
    try {
      requireWritable(labHome());
      return ok(labHome());
    } catch (thrown) {
      if (!(thrown instanceof LabError)) throw thrown;
      const { what, fix } = thrown;
      return { status: "fail", what, why: "Files of labs, downloads and evidence are kept there", fix };
    }
  },
};

const inotifyLimits: Check = {
  id: "inotify",
  title: "inotify limits suffice where Docker runs",
  kindOnly: true,
  async look(context) {
    const limits = await readInotify(context);
    if (!limits) return ok(`Docker's kernel is not this machine's; "up" reads and raises its limits on the nodes`);
    const low = Object.entries(inotify).filter(([key, wanted]) => (limits[key] ?? 0) < wanted);
    const shown = Object.entries(limits).map(([key, value]) => `${key} ${value}`);
    if (low.length === 0) return ok(shown.join(", "));
    const what = `Docker's kernel has ${low.map(([key]) => `fs.inotify.${key}=${limits[key]}`).join(" and ")}`;
    const why = 'Three nodes use them up; then pods fail with "too many open files"';
    const fix = `sudo sysctl ${low.map(([key, wanted]) => `fs.inotify.${key}=${wanted}`).join(" ")}`;
    if (context.docker.info?.rootless) {
      return { status: "fail", what, why: `${why}. Nodes of a rootless Docker cannot raise them`, fix };
    }
    return {
      status: "warn",
      what,
      why: `${why}. "up" raises them, for this whole host, until it boots again`,
      fix: `${fix}   (or let "npm run up" do it)`,
    };
  },
};

/** Limits of the Docker host, whose kernel all nodes share; undefined while they cannot be read. */
async function readInotify({ docker, exec, stack }: CheckContext): Promise<Record<string, number> | undefined> {
  const keys = Object.keys(inotify);
  if (docker.local && existsSync(inotifyDir)) {
    const values = await Promise.all(keys.map((key) => readFile(join(inotifyDir, key), "utf8")));
    return Object.fromEntries(keys.map((key, index) => [key, Number(values[index])]));
  }
  if (!docker.info) return undefined;
  const files = keys.map((key) => `${inotifyDir}/${key}`);
  const { code, stdout } = await exec("docker", ["exec", `${clusterName(stack)}-control-plane`, "cat", ...files]);
  if (code !== 0) return undefined;
  const values = stdout.split("\n").map(Number);
  return Object.fromEntries(keys.map((key, index) => [key, values[index] ?? 0]));
}

const ipv6: Check = {
  id: "ipv6",
  title: "The kernel knows IPv6",
  kindOnly: true,
  async look({ docker }) {
    if (!docker.local) return ok("Docker's kernel is not this machine's");
    const file = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    if (existsSync(file))
      return ok((await readFile(file, "utf8")).trim() === "1" ? "switched off, which ambient stands" : "on");
    return {
      status: "warn",
      what: "The kernel was built or booted without IPv6",
      why: "ztunnel may be unable to bind [::1] and then never becomes ready (istio/istio#52487)",
      fix: "Boot without ipv6.disable=1   (sysctl net.ipv6.conf.all.disable_ipv6=1 is fine)",
    };
  },
};

function toolCheck(tool: Tool): Check {
  return {
    id: tool.name,
    title: `${tool.name} is at hand`,
    kindOnly: tool.name === "kind",
    async look({ env, exec }) {
      const found = await findTool(tool, env, exec);
      if (found?.fits) return ok(`${found.version} at ${found.path}`);
      const none = found ? `${found.version} at ${found.path} is not in ${tool.range}` : "none on the PATH";
      return ok(`${none}; "up" brings ${tool.version} into ${labBin()}`);
    },
  };
}

const gib = 1024 ** 3;

/** Three nodes with mesh and dashboards use about 3 GiB. With less memory the kernel kills processes of the pods. */
const memory = { least: 3 * gib, comfortable: 6 * gib };
/** For the node image and, in each of three nodes, the images of the bill. */
const disk = { least: 8 * gib, comfortable: 16 * gib };
const enoughMemory: Check = {
  id: "memory",
  title: "Docker has memory for the lab",
  kindOnly: true,
  look({ docker: { info }, config }) {
    if (!info) return unknownWithoutDocker;
    if (info.memoryBytes >= memory.comfortable) return ok(bytesText(info.memoryBytes));
    return {
      status: info.memoryBytes < memory.least ? "fail" : "warn",
      what: `Docker has ${bytesText(info.memoryBytes)} of memory`,
      why: `A lab of ${config.workers + 1} nodes with its dashboards settles near ${bytesText(memory.least)}; pods that find none are ended`,
      fix: "Give Docker 6 GiB (Docker Desktop: Settings, Resources; WSL: .wslconfig), or: npm run lab -- config set addons '[prometheus]'",
    };
  },
};

const enoughDisk: Check = {
  id: "disk",
  title: "Docker has disk for the images",
  kindOnly: true,
  async look({ docker: { info, local } }) {
    if (!info) return unknownWithoutDocker;
    // WSL 2 shares its kernel with Docker Desktop, and not its disk.
    if (!local || !existsSync(info.rootDir))
      return ok(`Docker's disk is not on this machine; "docker system df" shows its use`);
    const folders = info.dataDirs.filter((folder) => existsSync(folder));
    const [least] = (await Promise.all(folders.map(freeSpace))).sort((a, b) => a.free - b.free);
    if (!least || least.free >= disk.comfortable)
      return ok(`${bytesText(least?.free ?? 0)} free in ${folders.join(" and ")}`);
    return {
      status: least.free < disk.least ? "fail" : "warn",
      what: `${least.folder} has ${bytesText(least.free)} free`,
      why: "Docker keeps the images there, and every node holds its own copy of them",
      fix: "docker system prune   (removes what no container uses), or: npm run lab -- config set workers 1",
    };
  },
};

async function freeSpace(folder: string): Promise<{ folder: string; free: number }> {
  const { bavail, bsize } = await statfs(folder);
  return { folder, free: bavail * bsize };
}

/** Addresses that a node must reach without a proxy: Services and pods. */
const clusterNames = [".svc", "10.96.0.0/", "10.244.0.0/"];

const withoutLogin = (address: string): string => address.replace(/\/\/[^@/]*@/, "//");

const proxy: Check = {
  id: "docker-proxy",
  title: "Docker and this shell go the same way out",
  kindOnly: true,
  look({ docker: { info, clientProxy }, env, config }) {
    if (!info) return unknownWithoutDocker;
    const lacking = clientProxy ? clusterNames.filter((name) => !clientProxy.noProxy.includes(name)) : [];
    if (clientProxy && lacking.length > 0) {
      return {
        status: "warn",
        what: `"proxies" in ${clientProxy.file} gives the nodes the proxy ${withoutLogin(clientProxy.address)}, and its noProxy lacks ${lacking.join(", ")}`,
        why: "docker gives it to every container: the nodes would look for each other by the proxy",
        fix: `Put "noProxy": "localhost,127.0.0.1,.svc,.cluster.local,10.96.0.0/12,10.244.0.0/16,172.16.0.0/12" beside it   (docs/how-to/work-offline.md)`,
      };
    }
    const wanted = env.HTTPS_PROXY ?? env.https_proxy;
    const bundled = config.artifactSource !== undefined && !isWeb(config.artifactSource);
    const inside = clientProxy ? `, containers by that of ${clientProxy.file}` : "";
    if (!wanted || info.proxy || bundled) return ok(`${info.proxy ? "by proxies" : "without a proxy"}${inside}`);
    return {
      status: "warn",
      what: "HTTPS_PROXY is set here, and Docker has no proxy",
      why: "Docker pulls the images, and reads its daemon's settings alone",
      fix: 'Put "proxies" into /etc/docker/daemon.json, or into the settings of your Docker   (docs/how-to/work-offline.md)',
    };
  },
};

/** Checks of the machine's resources and settings, which only the command line runs. */
export const machineChecks: readonly Check[] = [
  enoughMemory,
  enoughDisk,
  proxy,
  node,
  home,
  inotifyLimits,
  ipv6,
  ...tools.map(toolCheck),
];
