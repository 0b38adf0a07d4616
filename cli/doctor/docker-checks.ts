import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { isWeb } from "../../artifacts/bundle-folder";
import { type Check, ok, unknownWithoutDocker } from "../../preflight/check";

const gib = 1024 ** 3;
const inGib = (bytes: number) => `${(bytes / gib).toFixed(1)} GiB`;

/** Three nodes with mesh and dashboards use about 3 GiB. With less memory the kernel kills processes of the pods. */
const memory = { least: 3 * gib, comfortable: 6 * gib };
/** The node image and, in each of three nodes, the bill of images. */
const disk = { least: 8 * gib, comfortable: 16 * gib };
const enoughMemory: Check = {
  id: "memory",
  title: "Docker has memory for the lab",
  kindOnly: true,
  look({ docker: { info }, config }) {
    if (!info) return unknownWithoutDocker;
    if (info.memoryBytes >= memory.comfortable) return ok(inGib(info.memoryBytes));
    return {
      status: info.memoryBytes < memory.least ? "fail" : "warn",
      what: `Docker has ${inGib(info.memoryBytes)} of memory`,
      why: `A lab of ${config.workers + 1} nodes with its dashboards settles near ${inGib(memory.least)}; pods that find none are ended`,
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
      return ok(`${inGib(least?.free ?? 0)} free in ${folders.join(" and ")}`);
    return {
      status: least.free < disk.least ? "fail" : "warn",
      what: `${least.folder} has ${inGib(least.free)} free`,
      why: "Docker keeps the images there, and every node holds its own copy of them",
      fix: "docker system prune   (removes what no container uses), or: npm run lab -- config set workers 1",
    };
  },
};

async function freeSpace(folder: string): Promise<{ folder: string; free: number }> {
  const { bavail, bsize } = await statfs(folder);
  return { folder, free: bavail * bsize };
}

/** What a node must reach without a proxy: Services and pods. */
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

/** Checks of what Docker has for the lab: memory, disk and a way out. `pulumi up` begins without them. */
export const dockerResourceChecks: readonly Check[] = [enoughMemory, enoughDisk, proxy];
