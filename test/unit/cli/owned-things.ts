import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { vi } from "vitest";
import { run } from "../../../cli/run";
import { script, scriptTexts } from "../../../components/script";
import { parseConfig } from "../../../config/load";
import { labelsOf } from "../../../host/docker-networks";
import { LabErrors } from "../../../host/errors";
import { labOwner, ownerParts } from "../../../host/lab-owner";
import { kindContext, markerFile, ownCluster, stackDir } from "../../../host/paths";
import { checkHost } from "../../../preflight/host";
import { type DockerStandIn, dockerStandIn, type StandInNetwork } from "../../support/docker-stand-in";
import { checkout, FakeEngine, fakeIo, urnOf } from "./world";

/** The stack that acts, as this user in this checkout. */
export const stack = "alice";
const cluster = `ambient-lab-${stack}`;
export const id = "id-1";

export const home = realpathSync(mkdtempSync(join(tmpdir(), "lab-owners-")));
const folder = (name: string) => {
  mkdirSync(join(home, name, ".pulumi", "stacks"), { recursive: true });
  return `file://${home}/${name}`;
};
export const ours = folder("ours");
export const theirs = folder("theirs");
export const here = ownerParts(labOwner()).user;
export const [user = ""] = here.split("@");
export const own = `${here} ${ours}`;
export const bob = "bob@ci file:///home/bob";

/** Labels of a network as the state of a lab holds them for its removal (components/kind-cluster.ts). */
export const labelled = (owner: string, organization = "") =>
  Object.entries(labelsOf(stack, owner, organization))
    .map((label) => label.join("="))
    .join("\n");

/** What Docker and this machine have before a command. */
export interface World {
  /** Labels of the network with the lab's name; none where there is no such network. */
  network?: Partial<StandInNetwork> | "none";
  /** Id of the network that the nodes were started in, where it is not that of {@link network}. */
  startedIn?: string;
  /** Name of the network that the nodes are in. @default that of the lab */
  nodesIn?: string | "no nodes";
  paused?: true;
  /** What the acting stack's state has of the lab: the cluster or its network alone, with this id of the network. @default nothing */
  state?: { knows: "cluster" | "network"; id: string; labels?: string };
  /** Backend of the acting stack. @default a folder of this machine */
  backend?: string;
  /** Network and backend in the file of the lab's folder (`stacks/STACK/cluster`), beside a kubeconfig. @default no files */
  record?: string;
}

/** The engine, which runs the checks and scripts of the program as the real one does. */
class ProgramEngine extends FakeEngine {
  readonly docker: DockerStandIn;
  known: World["state"];
  constructor(docker: DockerStandIn, world: World) {
    super(world.state ? [stack] : []);
    this.docker = docker;
    this.known = world.state;
    const network = { urn: urnOf("n"), type: "docker:index/network:Network", id: world.state?.id ?? "" };
    const kind = { urn: urnOf("command:local:Command::cluster-kind"), type: "command:local:Command" };
    const resources = [network, ...(world.state?.knows === "cluster" ? [kind] : [])];
    this.stackState = { resources: world.state ? resources : [], pending: [] };
  }

  override async up(options: Parameters<FakeEngine["up"]>[0]): Promise<void> {
    await this.#played(() => this.program(), options, "up");
  }

  override async destroy(options: Parameters<FakeEngine["destroy"]>[0]): Promise<void> {
    await this.#played(() => this.deletion(), options, "destroy");
  }

  /** Plain `pulumi up`: index.ts and components/kind-cluster.ts. */
  async program(): Promise<string> {
    const config = parseConfig({ httpPort: 28_971, httpsPort: 18_971 });
    try {
      await checkHost(config, stack, this.docker.exec, { makes: true, examined: true });
    } catch (thrown) {
      return thrown instanceof LabErrors ? thrown.message : String(thrown);
    }
    return this.#script(
      this.known?.knows === "cluster"
        ? script("kind-own", "kind-update")
        : script("image-get", "kind-own", "kind-create"),
    );
  }

  /** Plain `pulumi destroy`: the scripts that the state holds, the cluster before its network. */
  async deletion(): Promise<string> {
    const failed =
      this.known?.knows === "cluster" && (await this.#script(scriptTexts("problem", "kind-own", "kind-delete")));
    return failed || this.#script(scriptTexts("problem", "network-remove"));
  }

  async #played(work: () => Promise<string>, options: Parameters<FakeEngine["up"]>[0], verb: "up" | "destroy") {
    const fails = await work();
    if (!fails && verb === "destroy") this.known = undefined;
    this.steps = fails ? [{ op: "create", path: "command:local:Command::cluster-kind", fails }] : [];
    await super[verb](options);
  }

  async #script(text: string): Promise<string> {
    const { code, stderr } = await this.docker.exec("/bin/sh", ["-c", text], {
      cwd: resolve(__dirname, "../../.."),
      env: {
        ...{
          CLUSTER: cluster,
          KIND_EXPERIMENTAL_DOCKER_NETWORK: cluster,
          NETWORK: cluster,
          NODE_IMAGE: "kindest/node:v1",
        },
        ...{
          NETWORK_ID: this.known?.id ?? "id-new",
          LABELS: this.known?.labels ?? labelled(own),
        },
        ...{
          KUBECONFIG_FILE: join(stackDir(stack), "kubeconfig"),
          MARKER_FILE: markerFile(stackDir(stack)),
          BACKEND: ours,
        },
        ...{
          CERTS_DIR: join(stackDir(stack), "certs.d"),
          CA_FILE: "",
          MIRRORS: "",
          CACHES: "",
          BUNDLE: "",
          PLATFORM: "",
        },
      },
    });
    return code === 0 ? "" : stderr;
  }
}

export const verbs = {
  up: (lab: Lab) => lab.command("up", "--yes", "--no-verify", "--ignore", "memory", "disk", "cgroup"),
  destroy: (lab: Lab) => lab.command("destroy", "--yes"),
  pause: (lab: Lab) => lab.command("pause"),
  resume: (lab: Lab) => lab.command("resume", "--no-verify"),
  "pulumi up": (lab: Lab) => lab.engine.program(),
  "pulumi destroy": (lab: Lab) => lab.engine.deletion(),
} satisfies Record<string, (lab: Lab) => Promise<string>>;

interface Lab {
  engine: ProgramEngine;
  /** Runs a command; resolves with its problem, or with "". */
  command(...args: string[]): Promise<string>;
}

/** What a row says: what happened, and what the problem names, where it is one. */
export type Outcome = [happened: Happened, ...names: string[]];
type Happened = "updated" | "made" | "removed" | "stopped" | "refused" | "left alone";

/** Runs a verb in a world, on a Docker and a kind that keep networks and nodes. */
export async function happens(world: World, verb: keyof typeof verbs): Promise<{ happened: Happened; said: string }> {
  vi.stubEnv("AMBIENT_LAB_HOME", mkdtempSync(join(home, "lab-")));
  const { network = {}, startedIn, nodesIn = cluster, paused, backend = ours, record } = world;
  vi.stubEnv("PULUMI_BACKEND_URL", backend);
  const there = network === "none" ? [] : [{ id, name: cluster, stack, ...network }];
  const nodes = ["control-plane", "worker"].map((role) => ({
    ...{
      name: `${cluster}-${role}`,
      cluster,
      network: nodesIn,
      networkId: startedIn ?? (nodesIn === cluster ? id : "id-kind"),
    },
    state: paused ? ("exited" as const) : ("running" as const),
  }));
  const docker = dockerStandIn({ networks: there, nodes: nodesIn === "no nodes" ? [] : nodes });
  if (record !== undefined) {
    mkdirSync(stackDir(stack), { recursive: true });
    writeFileSync(markerFile(stackDir(stack)), `${cluster} ${record}\n`);
    writeFileSync(ownCluster(stack).kubeconfig, `kind: Config\ncurrent-context: ${kindContext(cluster)}\n`);
  }
  const engine = new ProgramEngine(docker, world);
  const root = checkout({
    [`Pulumi.${stack}.yaml`]: "config:\n  ambient-lab:httpPort: 28971\n  ambient-lab:httpsPort: 18971\n",
  });
  const io = fakeIo({ engine, root, exec: docker.exec });
  Object.assign(io.env, { PATH: docker.path, PULUMI_BACKEND_URL: backend });
  const command: Lab["command"] = async (...args) =>
    (await run([...args, "--stack", stack], io)) === 0 ? "" : io.err() || "?";
  const look = () => {
    const has = (file: string, text: string) => existsSync(file) && readFileSync(file, "utf8").includes(text);
    const { kubeconfig, context } = ownCluster(stack);
    return {
      things: docker.things(),
      files: [
        ...(has(markerFile(stackDir(stack)), cluster) ? ["record"] : []),
        ...(has(kubeconfig, context) ? ["kubeconfig"] : []),
      ],
      running: docker.running(),
    };
  };
  const before = look();
  const said = await verbs[verb]({ engine, command });
  const after = look();
  const lost = [
    ...before.things.filter((each) => !after.things.includes(each)),
    ...before.files.filter((each) => !after.files.includes(each)),
  ];
  const added = after.things.filter((each) => !before.things.includes(each));
  const isUp = verb === "pulumi up" || engine.calls.includes("up");
  if (said) return { said: lost.length > 0 ? `${said}\nand lost:\n${lost.join("\n")}` : said, happened: "refused" };
  if (before.running.length > after.running.length && verb === "pause") return { happened: "stopped", said };
  if (lost.length + added.length > 0) return { happened: isUp ? "made" : "removed", said };
  return { happened: isUp ? "updated" : "left alone", said };
}
