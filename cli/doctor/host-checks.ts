import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import semver from "semver";
import { supported } from "../../config/versions";
import { nodeSysctls } from "../../config/vocabulary";
import { LabError } from "../../host/errors";
import { clusterName, labBin, labHome } from "../../host/paths";
import { requireWritable } from "../../host/write-file";
import { type Check, type CheckContext, ok } from "../../preflight/check";
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

/** Nodes share the kernel of the Docker host: any of them can tell its limits. */
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

/** What this machine has and is. */
export const hostChecks: readonly Check[] = [node, home, inotifyLimits, ipv6, ...tools.map(toolCheck)];
