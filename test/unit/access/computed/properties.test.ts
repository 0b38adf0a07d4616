import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { computeDecision } from "../../../../access/computed/decide";
import type { AccessRequest } from "../../../../access/types";
import type { KubeObject } from "../../../../verify/lab-client";
import { baseObjects, meshOf } from "./living";
import { request } from "./policy-sets";

let base: readonly KubeObject[];
beforeAll(async () => {
  base = await baseObjects();
}, 60_000);

const principals = ["appa", "stranger", "waypoint", "gateway-istio"].map(
  (name) => `cluster.local/ns/default/sa/${name}`,
);
const values = {
  principals: [...principals, "*", "*/sa/appa", "cluster.local/ns/default/*"],
  namespaces: ["default", "other", "def*", "*"],
  serviceAccounts: ["appa", "default/stranger", "other/appa"],
  methods: ["GET", "POST", "P*", "*"],
  paths: ["/", "/a", "/a*", "*/b", "/{*}/b", "/a/{**}"],
  hosts: ["appb", "APPB", "*.opssec.in", "*"],
  ports: ["8000", "8080"],
};
type Field = keyof typeof values;

/** Values of a field of a source or operation, or of its negation. */
const field = (name: Field) =>
  fc
    .tuple(fc.boolean(), fc.uniqueArray(fc.constantFrom(...values[name]), { minLength: 1, maxLength: 2 }))
    .map(([negated, texts]) => ({ [negated ? `not${name.charAt(0).toUpperCase()}${name.slice(1)}` : name]: texts }));

const fields = (names: readonly Field[]) =>
  fc
    .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 2 })
    .chain((chosen) => fc.tuple(...chosen.map(field)).map((parts) => Object.assign({}, ...parts)));

const rule = fc.record(
  {
    from: fc.array(
      fields(["principals", "namespaces", "serviceAccounts"]).map((source) => ({ source })),
      { minLength: 1, maxLength: 2 },
    ),
    to: fc.array(
      fields(["methods", "paths", "hosts", "ports"]).map((operation) => ({ operation })),
      { minLength: 1, maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);

const targets = [
  { targetRefs: [{ kind: "Service", group: "", name: "appb" }] },
  { targetRefs: [{ kind: "Gateway", group: "gateway.networking.k8s.io", name: "gateway" }] },
  { selector: { matchLabels: { app: "appb" } } },
  {},
];

let count = 0;
const policy = (action: "ALLOW" | "DENY") =>
  fc.record({ target: fc.constantFrom(...targets), rules: fc.array(rule, { maxLength: 3 }) }).map(
    ({ target, rules }): KubeObject => ({
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: `p${count++}`, namespace: "default" },
      spec: { ...target, action, rules },
    }),
  );

const policies = fc.array(fc.oneof(policy("ALLOW"), policy("DENY")), { maxLength: 4 });

/** Requests that between them have each value of the fields. */
const requests: AccessRequest[] = (["appa", "stranger", "outsider", "gateway"] as const).flatMap((who) =>
  ["/", "/a", "/a/b", "/c/b"].flatMap((path) =>
    ["GET", "POST"].flatMap((method) => [
      request(who, { method, path }),
      ...(who === "gateway" ? [] : [request(who, { method, path }, "appb's pod")]),
    ]),
  ),
);

const allowedIn = (objects: readonly KubeObject[]): boolean[] => {
  const mesh = meshOf([...base, ...objects]);
  return requests.map((each) => computeDecision(mesh, each).outcome === "allowed");
};

describe("computeDecision() on random policies", { timeout: 60_000 }, () => {
  it("never allows more with one DENY policy more", () => {
    fc.assert(
      fc.property(policies, policy("DENY"), (before, more) => {
        const [old, now] = [allowedIn(before), allowedIn([...before, more])];
        expect(now.filter((is, index) => is && !old[index])).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it("never allows less with one ALLOW policy more where one is already", () => {
    fc.assert(
      fc.property(policies, policy("ALLOW"), (before, more) => {
        // An ALLOW policy without rules on the same target: from then on the number of them changes nothing.
        const first = {
          ...more,
          metadata: { name: "first", namespace: "default" },
          spec: { ...Object(more.spec), rules: [] },
        };
        const [old, now] = [allowedIn([...before, first]), allowedIn([...before, first, more])];
        expect(old.filter((was, index) => was && !now[index])).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it("matches by a negated field exactly what the field does not match", () => {
    const one = fc
      .constantFrom(...(Object.keys(values) as Field[]))
      .chain((name) =>
        fc
          .uniqueArray(fc.constantFrom(...values[name]), { minLength: 1, maxLength: 2 })
          .map((texts) => ({ name, texts })),
      );
    fc.assert(
      fc.property(one, ({ name, texts }) => {
        const of = (key: string): KubeObject => {
          const inner = { [key]: texts };
          const isSource = ["principals", "namespaces", "serviceAccounts"].includes(name);
          const rules = [isSource ? { from: [{ source: inner }] } : { to: [{ operation: inner }] }];
          const spec = { targetRefs: [{ kind: "Service", group: "", name: "appb" }], action: "ALLOW", rules };
          return {
            apiVersion: "security.istio.io/v1",
            kind: "AuthorizationPolicy",
            metadata: { name: "p", namespace: "default" },
            spec,
          };
        };
        const through = requests.map(
          ({ from, to }) => to.kind === "service" && (from.kind === "gateway" || from.inMesh),
        );
        const [some, none] = [
          allowedIn([of(name)]),
          allowedIn([of(`not${name.charAt(0).toUpperCase()}${name.slice(1)}`)]),
        ];
        expect(some.map((is, index) => !through[index] || is !== none[index])).toEqual(requests.map(() => true));
      }),
    );
  });

  it("does not depend on the order of the objects", () => {
    fc.assert(
      fc.property(policies, (all) => {
        expect(allowedIn([...all].reverse())).toEqual(allowedIn(all));
      }),
      { numRuns: 20 },
    );
  });
});
