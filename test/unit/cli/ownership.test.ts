import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../../../cli/run";
import { script, scriptTexts } from "../../../components/script";
import { parseConfig } from "../../../config/load";
import { labelsOf } from "../../../host/docker-networks";
import { LabErrors } from "../../../host/errors";
import { labOwner, ownerParts } from "../../../host/lab-owner";
import { markerFile, stackDir } from "../../../host/paths";
import { checkHost } from "../../../preflight/host";
import { type DockerStandIn, dockerStandIn, type StandInNetwork } from "../../support/docker-stand-in";
import { checkout, FakeEngine, fakeIo, urnOf } from "./world";

/**
 * Who acts on whose things, and what happens: the commands and the scripts of the program run as they are, on a Docker and a
 * kind that keep networks and nodes (test/support/docker-stand-in.ts). Each row acts as this user and this checkout.
 */
const stack = "alice";
const cluster = `ambient-lab-${stack}`;
const id = "id-1";

const home = realpathSync(mkdtempSync(join(tmpdir(), "lab-owners-")));
const folder = (name: string) => {
  mkdirSync(join(home, name, ".pulumi", "stacks"), { recursive: true });
  return `file://${home}/${name}`;
};
const ours = folder("ours");
const theirs = folder("theirs");
const here = ownerParts(labOwner()).user;
const [user = ""] = here.split("@");
const own = `${here} ${ours}`;
const bob = "bob@ci file:///home/bob";

beforeAll(() => {
  vi.stubEnv("DOCKER_HOST", "");
});
afterAll(() => vi.unstubAllEnvs());

/** Labels of a network as the state of a lab holds them for its removal (components/kind-cluster.ts). */
const labelled = (owner: string, organization = "") =>
  Object.entries(labelsOf(stack, owner, organization))
    .map((label) => label.join("="))
    .join("\n");

/** What Docker and this machine have before a command. */
interface World {
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
  /** Network and backend in the file of the lab's folder (`stacks/STACK/cluster`). @default no file */
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

const verbs = {
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
type Outcome = [happened: Happened, ...names: string[]];
type Happened = "updated" | "made" | "removed" | "stopped" | "refused" | "left alone";

async function happens(world: World, verb: keyof typeof verbs): Promise<{ happened: Happened; said: string }> {
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
    const file = markerFile(stackDir(stack));
    return {
      things: docker.things(),
      record: existsSync(file) ? readFileSync(file, "utf8") : "",
      running: docker.running(),
    };
  };
  const before = look();
  const said = await verbs[verb]({ engine, command });
  const after = look();
  const lost = [
    ...before.things.filter((each) => !after.things.includes(each)),
    ...(before.record && !after.record ? ["record"] : []),
  ];
  const added = after.things.filter((each) => !before.things.includes(each));
  const isUp = verb === "pulumi up" || engine.calls.includes("up");
  if (said) return { said: lost.length > 0 ? `${said}\nand lost:\n${lost.join("\n")}` : said, happened: "refused" };
  if (before.running.length > after.running.length && verb === "pause") return { happened: "stopped", said };
  if (lost.length + added.length > 0) return { happened: isUp ? "made" : "removed", said };
  return { happened: isUp ? "updated" : "left alone", said };
}

const cloud = "https://api.pulumi.com";
/** A stack of this name in organization "acme", on the network of one in another organization of the same user. */
const acme = (knows: "cluster" | "network") => ({
  ...{ backend: cloud, network: { owner: `${here} ${cloud}`, organization: "shop" } },
  state: { knows, id: "id-earlier", labels: labelled(`${here} ${cloud}`, "acme") },
});

/** Rows of one kind of thing: who made it, and what each verb of this stack does to it. */
type Rows = Record<string, { world: World } & Partial<Record<keyof typeof verbs, Outcome>>>;

const refused = (...names: string[]): Outcome => ["refused", "that this stack did not make", ...names];
/** Each of these is refused, and says whose it is. */
const foreign = (...names: string[]) => ({
  ...{ up: refused(...names), destroy: refused(...names) },
  ...{ "pulumi up": refused(...names), "pulumi destroy": refused(...names) },
});
const asleep = (...names: string[]) => ({ pause: refused(...names), resume: refused(...names) });
/** The acting stack's state knows the cluster that is there. */
const known = { knows: "cluster", id } as const;
/** The acting stack's state knows a lab that is no more. */
const earlier = { knows: "cluster", id: "id-earlier" } as const;
const all = {
  up: ["updated"],
  destroy: ["removed"],
  pause: ["stopped"],
  "pulumi up": ["updated"],
  "pulumi destroy": ["removed"],
} satisfies Partial<Record<keyof typeof verbs, Outcome>>;

const clusters: Rows = {
  "this stack": { world: { network: { owner: own }, state: known, record: `${id} ${ours}` }, ...all },
  "this stack, whose state was lost": { world: { network: { owner: own } }, up: ["made"], destroy: ["removed"] },
  "this stack, before the machine got another name": {
    world: {
      ...{ network: { owner: `${user}@old-name ${ours}` }, record: `${id} ${ours}` },
      state: { ...known, labels: labelled(`${user}@old-name ${ours}`) },
    },
    ...all,
  },
  "this stack, whose folder of state was moved": {
    world: {
      ...{ network: { owner: `${here} file://${home}/moved` }, record: `${id} file://${home}/moved` },
      state: { ...known, labels: labelled(`${here} file://${home}/moved`) },
    },
    ...all,
  },
  "this stack, by an earlier version without a record": {
    world: { network: {}, state: { ...known, labels: `ambient-lab.stack=${stack}` }, record: "" },
    ...all,
  },
  "this stack, whose network was removed by hand": {
    world: { network: "none", startedIn: id, paused: true, state: known },
    "pulumi destroy": ["removed"],
  },
  "another user": {
    world: { network: { owner: bob }, state: earlier },
    ...{ ...foreign("bob@ci", "file:///home/bob"), ...asleep("bob@ci", "file:///home/bob") },
  },
  "another user, for a stack without a state": {
    world: { network: { owner: bob } },
    ...{ up: refused("bob@ci"), destroy: refused("bob@ci") },
  },
  "another user, whose nodes are paused": {
    world: { network: { owner: bob }, paused: true, state: earlier },
    ...{ ...foreign("bob@ci", "file:///home/bob"), resume: refused("bob@ci") },
  },
  // "docker network prune" removes the network of a lab that is paused.
  "another user, whose nodes are paused and whose network was pruned": {
    world: { network: "none", startedIn: "id-theirs", paused: true, state: earlier },
    "pulumi destroy": refused(),
  },
  "another checkout with a relative backend": {
    world: { network: { owner: `${here} file:///src/other/state` }, state: earlier },
    ...foreign(here, "file:///src/other/state"),
    up: refused("export PULUMI_BACKEND_URL=file:///src/other/state", "npm run up -- --stack alice-2"),
  },
  "another checkout whose folder of state is gone": {
    world: { network: { owner: `${here} file://${home}/gone` }, record: id },
    ...{ up: ["refused", "does not know it"], destroy: ["refused", "does not know it"] },
  },
  "another CI job with this stack name": {
    world: { network: { owner: `${user}@runner-2 ${ours}` }, state: earlier },
    ...foreign(`${user}@runner-2`),
  },
  "another Pulumi project in this backend": {
    world: { network: { owner: `${own}#shop` }, state: earlier },
    ...foreign(`${ours}#shop`),
  },
  "another backend": {
    world: { network: { owner: `${here} ${theirs}` }, state: earlier, record: `${id} ${theirs}` },
    ...{ ...foreign(here, theirs), ...asleep(here, theirs) },
  },
  "another organization of Pulumi Cloud": {
    world: { ...acme("cluster"), record: `${id} ${cloud}` },
    ...{ up: refused(here, cloud), destroy: refused(), "pulumi destroy": refused(cloud) },
  },
  "another organization of Pulumi Cloud, for a stack without a state": {
    world: { ...acme("cluster"), record: `${id} ${cloud}`, state: undefined },
    ...{ up: ["refused", here, cloud], destroy: ["refused", here, cloud] },
  },
  "a plain kind user": {
    world: { network: "none", nodesIn: "kind", state: earlier },
    ...{ ...foreign(), ...asleep() },
  },
  "a plain kind user on a network of the lab's name": {
    world: { network: { stack: "" }, state: earlier },
    ...foreign(),
  },
  "another stack's label": { world: { network: { stack: "bob" }, state: earlier }, ...foreign() },
  "a run without a record": { world: { network: {} }, up: refused(), destroy: refused(), "pulumi up": refused() },
  "this owner, which is not what the state knows": {
    world: { network: { owner: own }, state: earlier },
    ...{ up: refused(here, ours), destroy: refused(own), "pulumi destroy": refused(own) },
  },
};

const networks: Rows = Object.fromEntries(
  Object.entries({
    "this stack": {
      world: { network: { owner: own }, state: { knows: "network", id } },
      up: ["made"],
      destroy: ["removed"],
      "pulumi destroy": ["removed"],
    },
    "this stack, whose state was lost": { world: { network: { owner: own } }, up: ["made"], destroy: ["removed"] },
    "another user": {
      world: { network: { owner: bob }, state: { knows: "network", id: "id-earlier" } },
      ...{ up: ["refused", "bob@ci", "file:///home/bob"], destroy: ["refused", "bob@ci", "file:///home/bob"] },
      ...{ "pulumi up": ["refused", "bob@ci"], "pulumi destroy": ["left alone"] },
    },
    "another user, for a stack of an earlier version": {
      world: {
        network: { owner: bob },
        state: { knows: "network", id: "id-earlier", labels: `ambient-lab.stack=${stack}` },
      },
      "pulumi destroy": ["left alone"],
    },
    "another CI job with this stack name": {
      world: { network: { owner: `${user}@runner-2 ${ours}` }, state: { knows: "network", id: "id-earlier" } },
      ...{
        up: ["refused", `${user}@runner-2`],
        destroy: ["refused", `${user}@runner-2`],
        "pulumi destroy": ["left alone"],
      },
    },
    "another organization of Pulumi Cloud": {
      world: acme("network"),
      ...{ up: ["refused", here, cloud], destroy: ["refused", here, cloud], "pulumi destroy": ["left alone"] },
    },
    "a plain Docker user": {
      world: { network: { stack: "" }, state: { knows: "network", id: "id-earlier" } },
      ...{ up: refused(), destroy: ["left alone"] },
      ...{ "pulumi up": refused(), "pulumi destroy": ["left alone"] },
    },
    "a run without a record": {
      world: { network: {} },
      ...{ up: refused(), destroy: ["refused", "without a record of its owner"] },
    },
  } satisfies Rows).map(([who, row]) => [who, { ...row, world: { ...row.world, nodesIn: "no nodes" } }]),
);

const nodes: Rows = {
  "a killed run of this stack": {
    world: { network: { owner: own }, state: { knows: "network", id } },
    ...{ up: ["made"], destroy: ["removed"], "pulumi destroy": ["removed"] },
  },
  "another user": {
    world: { network: { owner: bob }, state: { knows: "network", id: "id-earlier" } },
    ...{ up: ["refused", "bob@ci"], destroy: ["refused", "bob@ci"], "pulumi destroy": ["left alone"] },
  },
  "another organization of Pulumi Cloud": {
    world: acme("network"),
    ...{ up: ["refused", here, cloud], destroy: ["refused", here, cloud], "pulumi destroy": ["left alone"] },
  },
  "another organization of Pulumi Cloud, for a stack of an earlier version": {
    world: {
      ...acme("network"),
      state: { ...acme("network").state, labels: labelled(`${here} ${cloud}`).split("\nambient-lab.organization")[0] },
    },
    "pulumi destroy": ["left alone"],
  },
  "a run without a record": {
    world: { network: {}, state: { knows: "network", id, labels: `ambient-lab.stack=${stack}` } },
    "pulumi destroy": ["refused", "has no record of its owner"],
  },
};

const records: Rows = Object.fromEntries(
  Object.entries({
    "this stack, whose cluster was lost": {
      world: { record: `${id} ${ours}`, state: known },
      ...{
        up: ["made"],
        destroy: ["removed"],
        "pulumi up": ["refused", "is gone"],
        "pulumi destroy": ["removed"],
      },
    },
    "another backend": {
      world: { record: `id-theirs ${theirs}`, state: earlier },
      ...{
        up: ["refused", theirs],
        destroy: ["left alone"],
        "pulumi up": ["refused", theirs],
        "pulumi destroy": ["left alone"],
      },
    },
    "another backend, for a stack without a state": {
      world: { record: `id-theirs ${theirs}` },
      ...{ up: ["refused", theirs], destroy: ["left alone"], "pulumi up": ["refused", theirs] },
    },
  } satisfies Rows).map(([who, row]) => [
    who,
    { ...row, world: { ...row.world, network: "none", nodesIn: "no nodes" } },
  ]),
);

describe.each<[string, Rows]>([
  ["a kind cluster", clusters],
  ["a Docker network without nodes", networks],
  ["node containers of an unfinished cluster", nodes],
  ["the lab's folder", records],
])("%s", (_thing, rows) => {
  for (const [who, { world, ...outcomes }] of Object.entries(rows))
    for (const [verb, [happened, ...names]] of Object.entries(outcomes) as [keyof typeof verbs, Outcome][])
      test(`of ${who}: ${verb} → ${[happened, ...names].join(", ")}`.replaceAll(home, "HOME"), async () => {
        const seen = await happens(world, verb);
        expect(seen, seen.said).toMatchObject({ happened });
        expect(seen.said).not.toContain("and lost:");
        for (const name of names) expect(seen.said).toContain(name);
      });
});
