import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type HelmRecord, pendingCreate, stateRelease } from "./helm-cluster";
import {
  alice,
  byPulumi,
  cachedBeside,
  claimedBeside,
  declaredBeside,
  destroyedBeside,
  lockedBeside,
  marked,
  objectNames,
  recoveredBeside,
  releasedBeside,
  type Seen,
  sweptBesideIstiod,
} from "./owned-records";
import {
  bob,
  happens,
  here,
  home,
  id,
  labelled,
  type Outcome,
  ours,
  own,
  stack,
  theirs,
  user,
  type verbs,
  type World,
} from "./owned-things";
import { heldTexts } from "./scripted-pulumi";
import { urnOf } from "./world";

/**
 * Who acts on whose things, and what happens: the commands and the scripts of the program run as they are. Each row acts as this
 * user and this checkout.
 */
beforeAll(() => {
  vi.stubEnv("DOCKER_HOST", "");
});
afterAll(() => vi.unstubAllEnvs());

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
  "another user, whose nodes are paused and whose network was pruned before this stack made its own": {
    world: { network: { owner: own }, startedIn: "id-theirs", paused: true, state: { knows: "network", id } },
    ...{ up: refused(), destroy: refused(), "pulumi up": refused(), ...asleep() },
  },
  "another user, whose nodes are paused and whose network was pruned, for a stack without a state": {
    world: { network: { owner: own }, startedIn: "id-theirs", paused: true },
    ...{ up: refused(), destroy: refused(), ...asleep() },
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
    ...{ up: refused(here, cloud), destroy: refused(), "pulumi destroy": refused(cloud), ...asleep(here, cloud) },
  },
  "another organization of Pulumi Cloud, whose nodes are paused": {
    world: { ...acme("cluster"), record: `${id} ${cloud}`, paused: true },
    ...{ up: refused(here, cloud), ...asleep(here, cloud) },
  },
  "another organization of Pulumi Cloud, for a stack without a state": {
    world: { ...acme("cluster"), record: `${id} ${cloud}`, state: undefined },
    ...{ up: ["refused", here, cloud], destroy: ["refused", here, cloud], ...asleep(here, cloud) },
  },
  "another organization of Pulumi Cloud, for a stack without a state, whose nodes are paused": {
    world: { ...acme("cluster"), record: `${id} ${cloud}`, state: undefined, paused: true },
    ...{ up: refused(here, cloud), ...asleep(here, cloud) },
  },
  "this organization of Pulumi Cloud": {
    world: {
      ...{ ...acme("cluster"), network: { owner: `${here} ${cloud}`, organization: "acme" } },
      ...{ state: { ...acme("cluster").state, id }, record: `${id} ${cloud}` },
    },
    ...all,
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
    "pulumi destroy": ["refused", "no record of its owner"],
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

type Row = [who: string, verb: string, outcome: [happened: string, ...names: string[]], act: () => Promise<Seen>];

const ofBob = marked("bob@desk file:///home/bob");
const earlierVersion = { labels: { "ambient-lab/stack": "alice" } };
const inCluster = objectNames.flatMap((object): Row[] => [
  [`this stack, ${object}`, "pulumi up", ["updated"], () => declaredBeside(object, marked(alice))],
  [`a user of kubectl, ${object}`, "pulumi up", ["refused", "that no lab made"], () => declaredBeside(object, {})],
  [
    `another Pulumi project, ${object}`,
    "pulumi up",
    ["refused", "that no lab made"],
    () => declaredBeside(object, byPulumi),
  ],
  [
    `another user, ${object}`,
    "pulumi up",
    ["refused", 'lab "alice" of bob@desk made, whose state is in file:///home/bob'],
    () => declaredBeside(object, ofBob),
  ],
  [
    `another stack of a backend that machines share, ${object}`,
    "pulumi up",
    ["refused", 'lab "shop" of another user made, whose state is in s3://bucket'],
    () => declaredBeside(object, marked("s3://bucket", "shop")),
  ],
]);

const noRecord: Row[] = [
  [
    "this stack by an earlier version, namespace istio-system",
    "pulumi up",
    ["refused", "without a record of its owner", "annotate namespace istio-system"],
    () => declaredBeside("namespace istio-system", earlierVersion),
  ],
  ["this stack, namespace egress", "destroy", ["removed"], () => destroyedBeside("pulumi-kubernetes-1")],
  [
    "a user of kubectl who made it anew, namespace egress",
    "destroy",
    [
      "refused",
      'replace those of lab "alice": Namespace egress',
      `pulumi state delete --yes --stack alice ${urnOf("egress")}`,
    ],
    () => destroyedBeside("kubectl-create"),
  ],
  [
    "another Pulumi project that made it anew, namespace egress",
    "destroy",
    ["refused", 'replace those of lab "alice": Namespace egress'],
    () => destroyedBeside("pulumi-kubernetes-2"),
  ],
  ["another control plane, the definitions of Istio", "sweep", ["left alone"], sweptBesideIstiod],
];

const installing = (minutesOld: number, more: Partial<HelmRecord> = {}): HelmRecord => ({
  ...{ release: "ztunnel", status: "pending-install", minutesOld },
  ...more,
});
const begun = { pending: [pendingCreate("ztunnel")] };
const upgrading = {
  record: { release: "istiod", status: "pending-upgrade", minutesOld: 60 },
  state: { resources: [stateRelease("istiod")] },
};
const ofOthers = { record: installing(60, { release: "mine" }) };
const helmRecords: Row[] = [
  [
    "a killed run of this stack",
    "recover",
    ["removed"],
    () => recoveredBeside({ record: installing(60), state: begun }),
  ],
  [
    "a run of this stack that may still install",
    "recover",
    ["refused", 'ztunnel" is pending-install, and its record was written', "npm run up -- --stack alice   (in "],
    () => recoveredBeside({ record: installing(4), state: begun }),
  ],
  [
    "a run of this stack that wrote it again",
    "recover",
    ["refused", "its record was written"],
    () => recoveredBeside({ record: installing(60, { updatedMinutesAgo: 4 }), state: begun }),
  ],
  ...Object.entries(heldTexts).flatMap(([backend, held]) =>
    [0, 60].map(
      (minutes): Row => [
        `a running engine of this stack (${backend}), ${minutes} minutes old`,
        "recover",
        ["refused", ...(minutes === 60 ? ["is being changed by", "pulumi cancel --yes --stack alice"] : [])],
        () => recoveredBeside({ record: installing(minutes), state: begun, held }),
      ],
    ),
  ),
  [
    "a running engine of bob's",
    "recover",
    ["refused", "bob@desk (pid 1834)"],
    () => recoveredBeside({ record: installing(60), state: begun, held: heldTexts.diy }),
  ],
  [
    "this stack, whose state forgot the operation, in a folder",
    "recover",
    ["removed"],
    () => recoveredBeside({ ...upgrading, fileBackend: true }),
  ],
  [
    "this stack, whose state forgot the operation, in a bucket",
    "recover",
    ["refused", "has no unfinished operation on it", "delete secret sh.helm.release.v1.istiod.v1"],
    () => recoveredBeside(upgrading),
  ],
  ...[true, false].map(
    (fileBackend): Row => [
      `a user of Helm, beside a ${fileBackend ? "folder" : "bucket"}`,
      "recover",
      ["left alone", "it is not in the state", "--namespace istio-system delete secret sh.helm.release.v1.mine.v1"],
      () => recoveredBeside({ ...ofOthers, fileBackend }),
    ],
  ),
];

const gone = { code: 1, stderr: "" };
const pulumi = "/usr/bin/pulumi up --stack alice";
const onThis = { hostname: hostname() };
const locks: Row[] = [
  ["a dead engine of this machine", "recover", ["removed"], () => lockedBeside(onThis, gone)],
  [
    "a dead engine whose number another program has",
    "recover",
    ["removed"],
    () => lockedBeside(onThis, "vim notes.md"),
  ],
  [
    "a running engine of this machine",
    "recover",
    ["refused", `bob@${hostname()} (pid 4711)`],
    () => lockedBeside(onThis, pulumi),
  ],
  [
    "an engine of another machine",
    "recover",
    ["refused", "bob@elsewhere (pid 4711)", "pulumi cancel --yes --stack alice"],
    () => lockedBeside({ hostname: "elsewhere" }, gone),
  ],
  ["a dead engine of another project", "recover", ["left alone"], () => lockedBeside(onThis, gone, "shop/alice")],
  ["a dead engine of another stack", "recover", ["left alone"], () => lockedBeside(onThis, gone, "ambient-lab/bob")],
];

const cache = "ambient-lab-cache-docker.io";
const network = { id, name: "ambient-lab-alice", stack: "alice", owner: own };
const ofLabs = [
  { kind: "volume", name: cache, label: "docker.io" },
  { kind: "container", name: cache, label: "http://registry.test registry:1 ", network: "ambient-lab-bob" },
] as const;
const caches: Row[] = [
  ["nobody", "up", ["made"], () => cachedBeside("up", { networks: [network] })],
  ["another lab", "up", ["used"], () => cachedBeside("up", { networks: [network], caches: ofLabs })],
  [
    "another lab by an earlier version",
    "up",
    ["made", `volume\t${cache}\tdocker.io`],
    () =>
      cachedBeside("up", {
        networks: [network],
        caches: [ofLabs[0], { ...ofLabs[1], label: "http://old.test registry:1 " }],
      }),
  ],
  [
    "a container of no lab",
    "up",
    ["refused", `A container "${cache}" exists that no lab made`],
    () => cachedBeside("up", { networks: [network], caches: [{ kind: "container", name: cache }] }),
  ],
  [
    "a volume of no lab",
    "up",
    ["refused", `A volume "${cache}" exists that no lab made`],
    () => cachedBeside("up", { networks: [network], caches: [{ kind: "volume", name: cache }] }),
  ],
  [
    "all labs",
    "destroy",
    ["left", `volume\t${cache}\tdocker.io`],
    () =>
      cachedBeside("destroy", {
        networks: [network],
        caches: [ofLabs[0], { ...ofLabs[1], network: "ambient-lab-alice" }],
      }),
  ],
  [
    "all labs, in the network of another",
    "destroy",
    ["left alone"],
    () => cachedBeside("destroy", { networks: [network], caches: ofLabs }),
  ],
];

const istio = (labels: Record<string, string>) => releasedBeside({ istio: "1.28.0", labels });
const metallb = { definition: "ipaddresspools.metallb.io" };
const range = { addressRange: "10.0.0.1-10.0.0.9" };
const releases: Row[] = [
  [
    "a user of Helm, Istio",
    "pulumi up",
    ["refused", "a namespace istio-system that no lab made, with Istio 1.28.0"],
    () => istio({}),
  ],
  [
    "another stack, Istio",
    "pulumi up",
    ["refused", 'The namespace istio-system of this cluster belongs to lab "bob"'],
    () => istio({ "ambient-lab/stack": "bob" }),
  ],
  ["a user of Helm, MetalLB", "pulumi up", ["left alone"], () => releasedBeside(metallb)],
  [
    "a user of Helm, MetalLB that this stack is to install",
    "pulumi up",
    ["refused", "this cluster has MetalLB already"],
    () => releasedBeside(metallb, range),
  ],
  [
    "a user of Helm, the Gateway API",
    "pulumi up",
    ["left alone", "installs base, istiod, cni, ztunnel, prometheus"],
    () => releasedBeside({ definition: "gateways.gateway.networking.k8s.io" }),
  ],
];

const claims: Row[] = [
  [
    "another command of this stack",
    "up",
    ["used"],
    () => claimedBeside({ cluster: "ambient-lab-alice", sameHome: true }),
  ],
  ["another stack", "up", ["left alone"], () => claimedBeside({ cluster: "ambient-lab-bob", sameHome: true })],
  [
    "another user with a stack of this name",
    "up",
    ["left alone"],
    () => claimedBeside({ cluster: "ambient-lab-alice" }),
  ],
  ["another user", "up", ["left alone"], () => claimedBeside({ cluster: "ambient-lab-bob" })],
  [
    "a killed command of another user",
    "up",
    ["used"],
    () => claimedBeside({ cluster: "ambient-lab-bob", killed: true }),
  ],
];

describe.each<[string, Row[]]>([
  ["an object in an existing cluster", [...inCluster, ...noRecord]],
  ["a release in an existing cluster", releases],
  ["Helm's record of an unfinished operation", helmRecords],
  ["a lock of the stack", locks],
  ["the cache of a registry", caches],
  ["the claim of a port", claims],
])("%s", (_thing, rows) => {
  for (const [who, verb, [happened, ...names], act] of rows)
    test(`of ${who}: ${verb} → ${[happened, ...names].join(", ")}`, async () => {
      const seen = await act();
      expect(seen, seen.said).toMatchObject({ happened });
      for (const name of names) expect(seen.said).toContain(name);
    });
});
