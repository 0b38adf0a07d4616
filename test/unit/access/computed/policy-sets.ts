import { parseAllDocuments } from "yaml";
import type { AccessDecision, AccessRequest, Mesh } from "../../../../access/types";
import { gatewayName } from "../../../../config/vocabulary";
import type { KubeObject } from "../../../../verify/lab-client";

/** Policies and routes on the lab's own objects, and what the mesh is to do with requests. */
export interface PolicySet {
  id: string;
  about: string;
  /** Where the expected decisions come from: a test or a page of upstream, or the source that decides. */
  source: string;
  objects: readonly KubeObject[];
  /** Labels of Service appb that differ from the lab's; null removes one. @default none */
  serviceLabels?: Readonly<Record<string, string | null>>;
  /** MeshConfig that it needs, as YAML. @default any */
  config?: string;
  /** What that MeshConfig says about trust domains. */
  mesh?: Partial<Pick<Mesh, "trustDomain" | "trustDomainAliases">>;
  asks: readonly Ask[];
}

/** A request and the decision that it must get; fields that are absent are not compared. */
interface Ask {
  request: AccessRequest;
  expected: Partial<AccessDecision>;
}

/** Senders of the lab. */
type Who = "appa" | "stranger" | "outsider" | "gateway";
type What = Partial<Pick<AccessRequest, "method" | "path" | "host" | "headers" | "claims">>;
/** Where a request goes: Service appb or appa at port 8000, or a pod's address. */
type Where = "appb" | "appa" | "appb's pod";

export function request(who: Who, what: What = {}, where: Where = "appb"): AccessRequest {
  const [service = "appb"] = where.split("'");
  return {
    from:
      who === "gateway"
        ? { kind: "gateway", gateway: { namespace: "default", name: gatewayName } }
        : {
            kind: "workload",
            namespace: "default",
            serviceAccount: who,
            labels: { app: who },
            inMesh: who !== "outsider",
          },
    to:
      where === "appb's pod"
        ? { kind: "pod", pod: { namespace: "default", name: "appb-1" }, port: 8080 }
        : { kind: "service", service: { namespace: "default", name: service }, port: 8000 },
    ...{ method: "GET", path: "/", host: who === "gateway" ? "appb.opssec.in" : service, headers: {} },
    ...what,
  };
}

const allowed: Partial<AccessDecision> = { outcome: "allowed" };
const denied = (by: "gateway" | "waypoint" | "ztunnel", policy?: string): Partial<AccessDecision> => ({
  ...{ outcome: "denied", by },
  ...(policy === undefined ? {} : { policy: policy.includes(" ") ? policy : `AuthorizationPolicy ${policy}` }),
});
const noRoute = (by: "gateway" | "waypoint"): Partial<AccessDecision> => ({ outcome: "no-route", by });
const unknown: Partial<AccessDecision> = { outcome: "unknown" };

const ask = (expected: Partial<AccessDecision>, who: Who, what: What = {}, where: Where = "appb"): Ask => ({
  request: request(who, what, where),
  expected,
});

/** Objects of a YAML text; their namespace is "default" unless they name one. */
const objects = (text: string): KubeObject[] =>
  parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubeObject;
    return { ...object, metadata: { namespace: "default", ...object.metadata } };
  });

/** An AuthorizationPolicy, from its name and the YAML of its spec. */
function policy(name: string, spec: string, { namespace = "default", annotations = {} } = {}): KubeObject {
  const [document] = parseAllDocuments(spec);
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name, namespace, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: document?.toJS() ?? {},
  };
}

/** Targets, as the first lines of a spec. */
const onService = "targetRefs: [{ kind: Service, group: '', name: appb }]";
const onWaypoint = "targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: waypoint }]";
const onGateway = "targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: gateway }]";
const onClass = "targetRefs: [{ kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint }]";
const onPods = "selector: { matchLabels: { app: appb } }";
const root = { namespace: "istio-system" };

const id = (account: string): string => `cluster.local/ns/default/sa/${account}`;

const builder = "istio 1.31: pilot/pkg/security/authz/builder/testdata/http";
const baseline = "istio 1.31: tests/integration/ambient/baseline_test.go";
const attachment = "istio 1.31: pilot/pkg/model/policyattachment_test.go";
const ambient = "istio 1.31: pilot/pkg/serviceregistry/ambient/testdata";
const rbac = "ztunnel 1.31: src/rbac.rs";
const docs = "istio.io: docs/reference/config/security";

export const policySets: readonly PolicySet[] = [
  {
    id: "no-policy",
    about: "Without a policy every request is allowed, also in plain text and past the waypoint.",
    source: `${docs}/authorization-policy: "If there are no ALLOW policies for the workload, allow the request"`,
    objects: [],
    asks: [
      ask(allowed, "appa"),
      ask(allowed, "stranger"),
      ask(allowed, "outsider"),
      ask(allowed, "gateway"),
      ask(allowed, "appa", {}, "appb's pod"),
      ask(allowed, "appa", {}, "appa"),
      ask({ ...allowed, waypoint: { namespace: "default", name: "waypoint" } }, "appa", { method: "POST" }),
    ],
  },
  {
    id: "allow-nothing",
    about: "An ALLOW policy without rules matches nothing, and so denies everything at the waypoint.",
    source: `${builder}/allow-nil-rule-in.yaml`,
    objects: [policy("allow-none", onService)],
    asks: [
      ask(denied("waypoint", "default/allow-none"), "appa"),
      ask(denied("waypoint", "default/allow-none"), "gateway"),
      // Only senders inside the mesh go to the waypoint.
      ask(allowed, "outsider"),
      ask(allowed, "appa", {}, "appb's pod"),
    ],
  },
  {
    id: "allow-all",
    about: "A rule without conditions matches every request.",
    source: `${builder}/allow-empty-rule-in.yaml`,
    objects: [policy("allow-all", `${onService}\nrules: [{}]`), policy("none", onService)],
    asks: [ask(allowed, "appa"), ask(allowed, "stranger", { method: "DELETE", path: "/any" }), ask(allowed, "gateway")],
  },
  {
    id: "deny-all",
    about: "A DENY policy with a rule without conditions denies everything, whatever is allowed.",
    source: `${builder}/deny-empty-rule-in.yaml`,
    objects: [
      policy("deny-all", `${onService}\naction: DENY\nrules: [{}]`),
      policy("allow", `${onService}\nrules: [{}]`),
    ],
    asks: [ask(denied("waypoint", "default/deny-all"), "appa"), ask(denied("waypoint", "default/deny-all"), "gateway")],
  },
  {
    id: "deny-before-allow",
    about:
      "A request that a DENY and an ALLOW policy match is denied; one that only the ALLOW policy matches is allowed.",
    source: `${builder}/deny-and-allow-in.yaml`,
    objects: [
      policy(
        "deny",
        `${onService}\naction: DENY\nrules: [{ from: [{ source: { principals: ["${id("stranger")}"] } }] }]`,
      ),
      policy("allow", `${onService}\nrules: [{ from: [{ source: { namespaces: [default] } }] }]`),
    ],
    asks: [ask(denied("waypoint", "default/deny"), "stranger"), ask(allowed, "appa"), ask(allowed, "gateway")],
  },
  {
    id: "identity-at-both",
    about: "The same identities at the waypoint and at ztunnel; a sender without identity is denied by ztunnel.",
    source: `${baseline}: TestAuthorizationL4 (allow)`,
    objects: [
      policy(
        "policy-waypoint",
        `${onService}\nrules: [{ from: [{ source: { principals: ["${id("appa")}", "${id("waypoint")}"] } }] }]`,
      ),
      policy(
        "policy",
        `${onPods}\nrules: [{ from: [{ source: { principals: ["${id("appa")}", "${id("waypoint")}"] } }] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa"),
      ask(denied("waypoint", "default/policy-waypoint"), "stranger"),
      ask(denied("waypoint", "default/policy-waypoint"), "gateway"),
      ask(denied("ztunnel", "default/policy"), "outsider"),
      ask(denied("ztunnel", "default/policy"), "outsider", {}, "appb's pod"),
      ask(allowed, "appa", {}, "appb's pod"),
      ask(denied("ztunnel", "default/policy"), "stranger", {}, "appb's pod"),
    ],
  },
  {
    id: "identity-of-another",
    about: "An ALLOW policy that names an identity that no request has denies everything.",
    source: `${baseline}: TestAuthorizationL4 (not allow)`,
    objects: [
      policy(
        "policy",
        `${onPods}\nrules: [{ from: [{ source: { principals: [cluster.local/ns/something/sa/else] } }] }]`,
      ),
    ],
    asks: [
      // The waypoint has no policy; ztunnel refuses the waypoint's own identity.
      ask(denied("ztunnel", "default/policy"), "appa"),
      ask(denied("ztunnel", "default/policy"), "gateway"),
      ask(denied("ztunnel", "default/policy"), "outsider"),
    ],
  },
  {
    id: "l7-rules",
    about: "Paths, methods, identities and headers at the waypoint; ztunnel lets the waypoint alone through.",
    source: `${baseline}: TestAuthorizationL7`,
    objects: [
      policy("policy", `${onPods}\nrules: [{ from: [{ source: { principals: ["${id("waypoint")}"] } }] }]`),
      policy(
        "policy-waypoint",
        `${onWaypoint}
rules:
- to: [{ operation: { paths: [/allowed], methods: [GET] } }]
- from: [{ source: { principals: ["${id("appa")}"] } }]
  to: [{ operation: { paths: [/allowed-identity], methods: [GET] } }]
- from: [{ source: { principals: ["${id("someone-else")}"] } }]
  to: [{ operation: { paths: [/denied-identity], methods: [GET] } }]
- to: [{ operation: { methods: [GET], paths: ["/allowed-wildcard*"] } }]
- to: [{ operation: { methods: [GET], paths: [/headers] } }]
  when: [{ key: "request.headers[x-test-header]", values: [match], notValues: [do-not-match] }]
- to: [{ operation: { methods: [POST] } }]`,
      ),
      policy(
        "deny-policy-waypoint",
        `${onWaypoint}\naction: DENY\nrules: [{ to: [{ operation: { paths: [/explicit-deny] } }] }]`,
      ),
    ],
    asks: [
      ask(denied("waypoint", "default/policy-waypoint"), "appa", { path: "/deny" }),
      ask(allowed, "appa", { path: "/allowed" }),
      ask(denied("waypoint"), "appa", { path: "/denied-identity" }),
      ask(allowed, "appa", { path: "/allowed-identity" }),
      ask(denied("waypoint"), "stranger", { path: "/allowed-identity" }),
      ask(denied("waypoint", "default/deny-policy-waypoint"), "appa", { path: "/explicit-deny", method: "POST" }),
      ask(allowed, "appa", { path: "/other", method: "POST" }),
      ask(allowed, "appa", { path: "/allowed-wildcardtest" }),
      ask(allowed, "appa", { path: "/headers", headers: { "x-test-header": "match" } }),
      ask(denied("waypoint"), "appa", { path: "/headers", headers: { "x-test-header": "do-not-match" } }),
      ask(denied("waypoint"), "appa", { path: "/headers" }),
      ask(denied("ztunnel", "default/policy"), "outsider", { path: "/allowed" }),
      ask(allowed, "gateway", { path: "/allowed" }),
    ],
  },
  {
    id: "service-attached",
    about: "A policy on a Service is about that Service alone, and a header condition needs the header.",
    source: `${baseline}: TestAuthorizationServiceAttached (principal, header)`,
    objects: [
      policy("header", `${onService}\nrules: [{ when: [{ key: "request.headers[x-foo]", values: [x-bar] }] }]`),
    ],
    asks: [
      ask(allowed, "appa", { headers: { "x-foo": "x-bar" } }),
      ask(denied("waypoint", "default/header"), "appa", { headers: { "x-foo": "other" } }),
      ask(denied("waypoint", "default/header"), "appa"),
      ask(allowed, "appa", {}, "appa"),
    ],
  },
  {
    id: "core-group",
    about: "The group of a Service is empty or core.",
    source: "istio 1.31: pilot/pkg/model/policyattachment.go (matchesGroupKind)",
    objects: [
      policy(
        "none",
        "targetRefs: [{ kind: Service, group: core, name: appb }]\nrules: [{ to: [{ operation: { methods: [PUT] } }] }]",
      ),
    ],
    asks: [ask(denied("waypoint", "default/none"), "appa"), ask(allowed, "appa", { method: "PUT" })],
  },
  {
    id: "l7-allow-on-pods",
    about: "ztunnel leaves out an ALLOW rule about HTTP: the policy allows nothing.",
    source: "istio 1.31: pilot/pkg/serviceregistry/ambient/authorization.go (handleRule) and testdata/allow-full.yaml",
    objects: [
      policy(
        "misplaced",
        `${onPods}\nrules: [{ from: [{ source: { principals: ["${id("appa")}", "${id("waypoint")}"] } }], to: [{ operation: { methods: [GET], ports: ["8080"] } }] }]`,
      ),
    ],
    asks: [
      ask(denied("ztunnel", "default/misplaced"), "appa"),
      ask(denied("ztunnel", "default/misplaced"), "appa", {}, "appb's pod"),
      ask(denied("ztunnel", "default/misplaced"), "outsider"),
    ],
  },
  {
    id: "l7-deny-on-pods",
    about:
      "ztunnel takes HTTP out of a DENY rule: with a port left it denies all of the port, with nothing left it denies nothing.",
    source: `${ambient}/deny-groups.yaml (an empty match) and ${rbac}: rbac_empty_policy (which matches nothing)`,
    objects: [
      policy(
        "nothing-left",
        `${onPods}\naction: DENY\nrules: [{ to: [{ operation: { methods: [POST] } }] }, { when: [{ key: "request.headers[x]", values: [y] }] }]`,
      ),
      policy(
        "port-left",
        `${onPods}\naction: DENY\nrules: [{ from: [{ source: { principals: ["${id("stranger")}"] } }], to: [{ operation: { ports: ["8080"], methods: [POST] } }] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa", { method: "POST", headers: { x: "y" } }, "appb's pod"),
      ask(allowed, "outsider", { method: "POST", headers: { x: "y" } }),
      ask(denied("ztunnel", "default/port-left"), "stranger", { method: "GET" }, "appb's pod"),
      ask(allowed, "stranger", { method: "POST" }),
    ],
  },
  {
    id: "root-allow-nothing",
    about: "An empty ALLOW policy in the root namespace denies at every ztunnel and gateway, and not at the waypoint.",
    source: `${baseline}: TestAuthorizationWaypointDefaultDeny (allow-nothing)`,
    objects: [policy("allow-nothing", "{}", root)],
    asks: [
      ask(denied("ztunnel", "istio-system/allow-nothing"), "appa"),
      ask(denied("ztunnel", "istio-system/allow-nothing"), "outsider"),
      ask(denied("gateway", "istio-system/allow-nothing"), "gateway"),
    ],
  },
  {
    id: "root-allow-nothing-but-waypoint",
    about:
      "A waypoint has no policy without targetRefs, so that a policy for its identity at ztunnel opens the way through it.",
    source: `${baseline}: TestAuthorizationWaypointDefaultDeny (workload-allow-from-waypoint)`,
    objects: [
      policy("allow-nothing", "{}", root),
      policy(
        "allow-from-waypoint",
        `action: ALLOW\nrules: [{ from: [{ source: { principals: ["${id("waypoint")}"] } }] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa"),
      ask(allowed, "stranger"),
      ask({ outcome: "denied", by: "ztunnel" }, "appa", {}, "appb's pod"),
      ask({ outcome: "denied", by: "ztunnel" }, "outsider"),
    ],
  },
  {
    id: "gateway-class",
    about:
      "A policy in the root namespace on GatewayClass istio-waypoint is about every waypoint, beside those of the Service.",
    source: `${baseline}: TestAuthorizationWaypointDefaultDeny (allow-nothing-waypoint)`,
    objects: [
      policy("allow-nothing-waypoint", onClass, root),
      policy("allow", `${onService}\nrules: [{ to: [{ operation: { methods: [GET] } }] }]`),
    ],
    asks: [
      ask(allowed, "appa"),
      ask({ outcome: "denied", by: "waypoint" }, "appa", { method: "POST" }),
      ask(allowed, "outsider", { method: "POST" }),
    ],
  },
  {
    id: "gateway-class-elsewhere",
    about: "A policy on GatewayClass istio-waypoint outside the root namespace is bound to nothing.",
    source: `${attachment}: "gateway class attached policy in non-root namespace"`,
    objects: [policy("nothing", `${onClass}\naction: DENY\nrules: [{}]`)],
    asks: [ask(allowed, "appa"), ask(allowed, "gateway")],
  },
  {
    id: "target-ref",
    about: "targetRef is the older form of targetRefs.",
    source: "istio 1.31: pilot/pkg/model/policyattachment.go (GetTargetRefs)",
    objects: [
      policy(
        "old",
        "targetRef: { kind: Gateway, group: gateway.networking.k8s.io, name: waypoint }\naction: DENY\nrules: [{ to: [{ operation: { methods: [POST] } }] }]",
      ),
    ],
    asks: [
      ask(allowed, "appa"),
      ask(denied("waypoint", "default/old"), "appa", { method: "POST" }),
      ask(allowed, "outsider", { method: "POST" }),
    ],
  },
  {
    id: "gateway-target",
    about: "A policy on the Gateway is enforced by the gateway alone, where a client from outside has no identity.",
    source: `${attachment}: "gateway API ingress and a targetRef"`,
    objects: [
      policy("no-admin", `${onGateway}\naction: DENY\nrules: [{ to: [{ operation: { paths: ["/admin*"] } }] }]`),
      policy("anonymous", `${onGateway}\nrules: [{ from: [{ source: { notPrincipals: ["*"] } }] }]`),
    ],
    asks: [
      ask(allowed, "gateway"),
      ask(denied("gateway", "default/no-admin"), "gateway", { path: "/admin/users" }),
      ask(allowed, "appa", { path: "/admin/users" }),
    ],
  },
  {
    id: "gateway-identity",
    about: "A gateway's clients have no identity, so that no principal or namespace matches there.",
    source: "istio 1.31: pilot/pkg/security/authz/model/principal.go (principalAuthenticated)",
    objects: [policy("known", `${onGateway}\nrules: [{ from: [{ source: { principals: ["*"] } }] }]`)],
    asks: [ask(denied("gateway", "default/known"), "gateway"), ask(allowed, "appa")],
  },
  {
    id: "gateway-namespace-wide",
    about: "A policy for the whole namespace is enforced by the gateway of that namespace as well.",
    source: `${attachment}: "gateway API ingress and no targetRef or selector"`,
    objects: [policy("namespace", `rules: [{ from: [{ source: { namespaces: [default] } }] }]`)],
    asks: [
      ask(allowed, "appa"),
      ask(allowed, "stranger", {}, "appb's pod"),
      ask(denied("ztunnel", "default/namespace"), "outsider"),
      ask(denied("gateway", "default/namespace"), "gateway"),
    ],
  },
  {
    id: "gateway-selector",
    about: "A selector may name the gateway's pods, and never a waypoint's.",
    source: `${attachment}: "gateway API ingress and a selector", "waypoint and a selector"`,
    objects: [
      policy(
        "gateway-pods",
        `selector: { matchLabels: { gateway.networking.k8s.io/gateway-name: gateway } }\naction: DENY\nrules: [{ to: [{ operation: { methods: [POST] } }] }]`,
      ),
      policy(
        "waypoint-pods",
        `selector: { matchLabels: { gateway.networking.k8s.io/gateway-name: waypoint } }\naction: DENY\nrules: [{}]`,
      ),
    ],
    asks: [
      ask(denied("gateway", "default/gateway-pods"), "gateway", { method: "POST" }),
      ask(allowed, "gateway"),
      ask(allowed, "appa", { method: "POST" }),
    ],
  },
  {
    id: "negations",
    about: "notMethods, notPaths, notPrincipals and notNamespaces match what the values do not.",
    source: `${builder}/allow-full-rule-out.yaml, and ${rbac}: not_namespaces, not_principals (true for plain text)`,
    objects: [
      policy(
        "allow",
        `${onService}\nrules: [{ from: [{ source: { notPrincipals: ["${id("stranger")}"] } }], to: [{ operation: { notMethods: [DELETE], notPaths: ["/private*"] } }] }]`,
      ),
      policy("not-here", `${onPods}\naction: DENY\nrules: [{ from: [{ source: { notNamespaces: [default] } }] }]`),
    ],
    asks: [
      ask(allowed, "appa"),
      ask(denied("waypoint", "default/allow"), "appa", { method: "DELETE" }),
      ask(denied("waypoint", "default/allow"), "appa", { path: "/private/key" }),
      ask(denied("waypoint", "default/allow"), "stranger"),
      ask(denied("ztunnel", "default/not-here"), "outsider"),
      ask(allowed, "stranger", {}, "appb's pod"),
    ],
  },
  {
    id: "values-and-negations",
    about: "A value and a negated value of one field both have to hold.",
    source: "istio 1.31: pilot/pkg/security/authz/model/model.go (rule.permission)",
    objects: [
      policy(
        "api",
        `${onService}\nrules: [{ to: [{ operation: { paths: ["/api/*"], notPaths: [/api/internal, "*.bak"] } }] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa", { path: "/api/users" }),
      ask(denied("waypoint"), "appa", { path: "/api/internal" }),
      ask(denied("waypoint"), "appa", { path: "/api/users.bak" }),
      ask(denied("waypoint"), "appa", { path: "/api" }),
    ],
  },
  {
    id: "wildcards",
    about: "Prefix, suffix and presence of paths and identities.",
    source: `${builder}/simple-policy-principal-with-wildcard-in.yaml, istio 1.31: pilot/pkg/security/authz/matcher/string_test.go, ${rbac}: string_match`,
    objects: [
      policy(
        "pages",
        `${onService}\nrules: [{ to: [{ operation: { paths: ["*.html", "/static/*"] } }] }, { from: [{ source: { principals: ["*/ns/default/sa/appa"] } }], to: [{ operation: { paths: [/own] } }] }]`,
      ),
      policy("known", `${onPods}\nrules: [{ from: [{ source: { principals: ["*"] } }] }]`),
    ],
    asks: [
      ask(allowed, "stranger", { path: "/deep/page.html" }),
      ask(allowed, "stranger", { path: "/static/" }),
      ask(denied("waypoint"), "stranger", { path: "/static" }),
      ask(denied("waypoint"), "stranger", { path: "/page.htm" }),
      ask(allowed, "appa", { path: "/own" }),
      ask(denied("waypoint"), "stranger", { path: "/own" }),
      ask(denied("ztunnel", "default/known"), "outsider"),
      ask(allowed, "stranger", {}, "appb's pod"),
    ],
  },
  {
    id: "hosts",
    about: "Hosts are compared in any case, and with the port that the header has.",
    source: `${docs}/authorization-policy (hosts), istio 1.31: pilot/pkg/security/authz/matcher/header_test.go (HostMatcher)`,
    objects: [
      policy(
        "host",
        `${onService}\nrules: [{ to: [{ operation: { hosts: [APPB.default.svc.cluster.local, "*.OpsSec.in", "port.example:*"] } }] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa", { host: "appb.DEFAULT.svc.cluster.local" }),
      ask(denied("waypoint"), "appa", { host: "appb.default.svc.cluster.local:8000" }),
      ask(denied("waypoint"), "appa", { host: "appb" }),
      ask(allowed, "appa", { host: "port.example:8000" }),
      ask(allowed, "gateway"),
    ],
  },
  {
    id: "path-templates",
    about: "{*} is one segment, {**} any number of characters.",
    source: `${docs}/authorization-policy (paths), istio 1.31: pilot/pkg/security/authz/matcher/template_test.go`,
    objects: [
      policy(
        "templates",
        `${onService}\nrules: [{ to: [{ operation: { paths: ["/foo/{*}", "/bar/{**}", "/baz/{*}/end", "/{**}/leaf"] } }] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa", { path: "/foo/one" }),
      ask(denied("waypoint"), "appa", { path: "/foo/one/two" }),
      ask(denied("waypoint"), "appa", { path: "/foo" }),
      ask(denied("waypoint"), "appa", { path: "/foo/" }),
      ask(allowed, "appa", { path: "/bar/one/two" }),
      ask(allowed, "appa", { path: "/bar/" }),
      ask(denied("waypoint"), "appa", { path: "/bar" }),
      ask(allowed, "appa", { path: "/baz/x/end" }),
      ask(denied("waypoint"), "appa", { path: "/baz/x/y/end" }),
      ask(allowed, "appa", { path: "/a/b/leaf" }),
    ],
  },
  {
    id: "path-normalization",
    about:
      "Paths are normalised before rules see them: dots and backslashes, and not slashes. One without a slash in front is refused unseen.",
    source:
      "istio.io: docs/reference/config/security/normalization (BASE, the default); envoy: source/common/http/http1/balsa_parser.cc (isUrlValid)",
    objects: [
      policy("no-admin", `${onService}\naction: DENY\nrules: [{ to: [{ operation: { paths: ["/admin*"] } }] }]`),
    ],
    asks: [
      ask(denied("waypoint"), "appa", { path: "/public/../admin" }),
      ask(denied("waypoint"), "appa", { path: "/./admin" }),
      ask(denied("waypoint"), "appa", { path: "/%2e%2e/admin" }),
      ask(denied("waypoint"), "appa", { path: "/public\\..\\admin" }),
      ask(unknown, "appa", { path: "\\admin" }),
      ask(allowed, "appa", { path: "//admin" }),
      ask(allowed, "appa", { path: "/x%2Fadmin" }),
      ask(unknown, "appa", { path: "/%61dmin" }),
    ],
  },
  {
    id: "ports",
    about: "A port is the Service's at the waypoint, and the pod's at ztunnel.",
    source:
      "istio 1.31: pilot/pkg/networking/core/listener_waypoint.go (buildWaypointInternal), ztunnel 1.31: src/proxy/inbound.rs",
    objects: [
      policy("service-port", `${onService}\nrules: [{ to: [{ operation: { ports: ["8000"] } }] }]`),
      policy("pod-port", `${onPods}\nrules: [{ to: [{ operation: { ports: ["8080"] } }] }]`),
    ],
    asks: [ask(allowed, "appa"), ask(allowed, "outsider"), ask(allowed, "appa", {}, "appb's pod")],
  },
  {
    id: "pod-port-at-waypoint",
    about: "The pod's port matches nothing at the waypoint.",
    source: "istio 1.31: pilot/pkg/networking/core/listener_waypoint.go (buildWaypointInternal)",
    objects: [policy("pod-port", `${onService}\nrules: [{ to: [{ operation: { ports: ["8080"] } }] }]`)],
    asks: [ask(denied("waypoint", "default/pod-port"), "appa"), ask(allowed, "outsider")],
  },
  {
    id: "when",
    about: "Conditions on the caller and the connection, at the waypoint and at ztunnel.",
    source: `${ambient}/deny-groups.yaml, ${docs}/conditions`,
    objects: [
      policy(
        "conditions",
        `${onService}
rules:
- when:
  - { key: source.namespace, values: [default] }
  - { key: source.principal, notValues: ["${id("stranger")}"] }
  - { key: destination.port, values: ["8000"] }
  - { key: connection.sni, notValues: ["*"] }`,
      ),
      policy(
        "at-ztunnel",
        `${onPods}\naction: DENY\nrules: [{ when: [{ key: source.namespace, notValues: [default] }] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa"),
      ask(denied("waypoint", "default/conditions"), "stranger"),
      ask(allowed, "gateway"),
      ask(denied("ztunnel", "default/at-ztunnel"), "outsider"),
    ],
  },
  {
    id: "header-conditions",
    about: "A header: exact, prefix, suffix, there at all, and not.",
    source: `${docs}/conditions, istio 1.31: pilot/pkg/security/authz/matcher/header_test.go`,
    objects: [
      policy(
        "headers",
        `${onService}
rules:
- when: [{ key: "request.headers[X-Version]", values: ["v1*", "*-beta"] }]
- when: [{ key: "request.headers[x-token]", values: ["*"] }]
- to: [{ operation: { methods: [PUT] } }]
  when: [{ key: "request.headers[x-blocked]", notValues: ["*"] }]`,
      ),
    ],
    asks: [
      ask(allowed, "appa", { headers: { "x-version": "v1.2" } }),
      ask(allowed, "appa", { headers: { "x-version": "v3-beta" } }),
      ask(denied("waypoint"), "appa", { headers: { "x-version": "v2" } }),
      ask(allowed, "appa", { headers: { "x-token": "anything" } }),
      ask(allowed, "appa", { method: "PUT" }),
      ask(denied("waypoint"), "appa", { method: "PUT", headers: { "x-blocked": "1" } }),
    ],
  },
  {
    id: "header-of-the-client",
    about: "Nothing is known about headers that clients and proxies set by themselves.",
    source: "Envoy: docs/root/configuration/http/http_conn_man/headers (x-forwarded-for, x-request-id, user-agent)",
    objects: [
      policy(
        "agent",
        `${onService}\naction: DENY\nrules: [{ when: [{ key: "request.headers[User-Agent]", values: ["curl/*"] }] }]`,
      ),
    ],
    asks: [
      ask(unknown, "appa"),
      ask(denied("waypoint", "default/agent"), "appa", { headers: { "user-agent": "curl/8" } }),
      ask(allowed, "appa", { headers: { "user-agent": "other" } }),
    ],
  },
  {
    id: "addresses",
    about: "The sender's address is not known; what decides without it does.",
    source: "istio 1.31: pilot/pkg/security/authz/model/generator.go (srcIPGenerator)",
    objects: [
      policy(
        "range",
        `${onService}\nrules: [{ from: [{ source: { ipBlocks: [10.0.0.0/8] } }], to: [{ operation: { methods: [GET] } }] }, { to: [{ operation: { paths: [/open] } }] }]`,
      ),
      policy("deny", `${onService}\naction: DENY\nrules: [{ to: [{ operation: { paths: [/closed] } }] }]`),
      policy(
        "range-of-pods",
        `${onPods}\nrules: [{ from: [{ source: { notIpBlocks: [192.0.2.0/24] } }], to: [{ operation: { ports: ["8080"] } }] }, { from: [{ source: { principals: ["*"] } }] }]`,
      ),
    ],
    asks: [
      ask(unknown, "appa"),
      ask(allowed, "appa", { path: "/open" }),
      ask(denied("waypoint", "default/deny"), "appa", { path: "/closed" }),
      ask(denied("waypoint"), "appa", { method: "POST" }),
      ask(unknown, "outsider"),
      ask(allowed, "appa", {}, "appb's pod"),
    ],
  },
  {
    id: "service-accounts",
    about: "A ServiceAccount by its name is of the policy's namespace; with a namespace, of that one.",
    source:
      "istio 1.31: pilot/pkg/security/authz/model/generator.go (serviceAccountRegex), ztunnel 1.31: src/rbac.rs (service_accounts)",
    objects: [
      policy(
        "at-waypoint",
        `${onService}\nrules: [{ from: [{ source: { serviceAccounts: [appa, other/stranger] } }] }]`,
      ),
      policy("at-ztunnel", `${onPods}\nrules: [{ from: [{ source: { serviceAccounts: [default/waypoint, appa] } }] }]`),
    ],
    asks: [
      ask(allowed, "appa"),
      ask(denied("waypoint", "default/at-waypoint"), "stranger"),
      ask(allowed, "appa", {}, "appb's pod"),
      ask(denied("ztunnel", "default/at-ztunnel"), "stranger", {}, "appb's pod"),
      ask(denied("ztunnel", "default/at-ztunnel"), "outsider"),
    ],
  },
  {
    id: "trust-domain-aliases",
    about: "An alias of the trust domain means the same identity at the waypoint, and not at ztunnel.",
    source:
      "istio 1.31: pilot/pkg/security/trustdomain/bundle_test.go; pilot/pkg/serviceregistry/ambient/authorization.go expands none",
    objects: [
      policy(
        "old-name",
        `${onService}\nrules: [{ from: [{ source: { principals: [old-td/ns/default/sa/appa, other-td/ns/default/sa/stranger] } }] }]`,
      ),
    ],
    config: "trustDomainAliases: [old-td]",
    mesh: { trustDomainAliases: ["old-td"] },
    asks: [
      ask(allowed, "appa"),
      ask(denied("waypoint", "default/old-name"), "stranger"),
      ask(denied("waypoint"), "gateway"),
    ],
  },
  {
    id: "trust-domain-aliases-at-ztunnel",
    about:
      'ztunnel compares the identity as it is: an alias, and "cluster.local" for another trust domain, match nothing.',
    source:
      "istio 1.31: pilot/pkg/serviceregistry/ambient/authorization.go (stringToMatch), ztunnel 1.31: src/rbac.rs (matches_principal)",
    objects: [
      policy("old-name", `${onPods}\nrules: [{ from: [{ source: { principals: [old-td/ns/default/sa/appa] } }] }]`),
    ],
    config: "trustDomainAliases: [old-td]",
    mesh: { trustDomainAliases: ["old-td"] },
    asks: [ask(denied("ztunnel", "default/old-name"), "appa", {}, "appb's pod")],
  },
  {
    id: "trust-domains",
    about:
      "trustDomains at the waypoint; ztunnel does not know the field, and a source without another one never matches.",
    source: `${builder}/trust-domains-in.yaml, istio 1.31: pilot/pkg/serviceregistry/ambient/authorization.go (handleRule)`,
    objects: [
      policy("domains", `${onService}\nrules: [{ from: [{ source: { trustDomains: [cluster.local] } }] }]`),
      policy(
        "bad",
        `${onService}\naction: DENY\nrules: [{ from: [{ source: { notTrustDomains: ["clus*", untrusted] } }] }]`,
      ),
      policy("at-ztunnel", `${onPods}\nrules: [{ from: [{ source: { trustDomains: [cluster.local] } }] }]`),
    ],
    asks: [
      ask(denied("ztunnel", "default/at-ztunnel"), "appa"),
      ask(denied("ztunnel", "default/at-ztunnel"), "appa", {}, "appb's pod"),
    ],
  },
  {
    id: "dry-run",
    about: 'A dry run refuses nothing and counts as no policy; "false" is none.',
    source: `${builder}/dry-run-mix-in.yaml, ztunnel 1.31: src/state.rs (assert_rbac_logic_deny_allow)`,
    objects: [
      policy("dry-deny", `${onService}\naction: DENY\nrules: [{}]`, { annotations: { "istio.io/dry-run": "true" } }),
      policy(
        "dry-allow",
        `${onPods}\nrules: [{ from: [{ source: { principals: [cluster.local/ns/none/sa/none] } }] }]`,
        { annotations: { "istio.io/dry-run": "true" } },
      ),
      policy("real", `${onService}\nrules: [{ to: [{ operation: { paths: [/another] } }] }]`, {
        annotations: { "istio.io/dry-run": "false" },
      }),
    ],
    asks: [
      ask(allowed, "appa", { path: "/another" }),
      ask(denied("waypoint", "default/real"), "appa", { path: "/allow" }),
      ask(allowed, "outsider"),
    ],
  },
  {
    id: "audit",
    about: "An AUDIT policy refuses nothing, and ztunnel has none.",
    source: `${builder}/audit-full-rule-in.yaml, istio 1.31: pilot/pkg/serviceregistry/ambient/authorization.go (convertAuthorizationPolicy)`,
    objects: [
      policy("audit", `${onService}\naction: AUDIT\nrules: [{}]`),
      policy("audit-pods", `${onPods}\naction: AUDIT\nrules: [{}]`),
    ],
    asks: [ask(allowed, "appa"), ask(allowed, "outsider")],
  },
  {
    id: "custom-without-provider",
    about: "A CUSTOM policy whose provider the MeshConfig does not have denies what its rules match.",
    source: `${builder}/custom-bad-out.yaml`,
    objects: [
      policy(
        "ask-nobody",
        `${onService}\naction: CUSTOM\nprovider: { name: no-such-provider }\nrules: [{ to: [{ operation: { paths: [/asked] } }] }]`,
      ),
    ],
    asks: [
      ask(denied("waypoint", "default/ask-nobody"), "appa", { path: "/asked" }),
      ask(allowed, "appa", { path: "/free" }),
    ],
  },
  {
    id: "custom",
    about: "What a provider answers is not known; what is denied in any case is.",
    source: `${builder}/custom-http-provider-out1.yaml`,
    objects: [
      policy(
        "ask",
        `${onService}\naction: CUSTOM\nprovider: { name: authz }\nrules: [{ to: [{ operation: { paths: ["/asked*"] } }] }]`,
      ),
      policy("deny", `${onService}\naction: DENY\nrules: [{ to: [{ operation: { methods: [POST] } }] }]`),
    ],
    config:
      "extensionProviders: [{ name: authz, envoyExtAuthzHttp: { service: authz.default.svc.cluster.local, port: 80 } }]",
    asks: [
      ask(unknown, "appa", { path: "/asked" }),
      ask(denied("waypoint"), "appa", { path: "/asked", method: "POST" }),
      ask(allowed, "appa", { path: "/free" }),
      ask(allowed, "outsider", { path: "/asked" }),
    ],
  },
  {
    id: "strict-namespace",
    about: "STRICT in the namespace refuses plain text at ztunnel, and no request of the mesh.",
    source: `${baseline}: TestPeerAuthentication (strict)`,
    objects: objects(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict }
spec: { mtls: { mode: STRICT } }`),
    asks: [
      ask(allowed, "appa"),
      ask(allowed, "gateway"),
      ask(allowed, "appa", {}, "appb's pod"),
      ask(denied("ztunnel", "PeerAuthentication default/strict"), "outsider"),
      ask(denied("ztunnel", "PeerAuthentication default/strict"), "outsider", {}, "appa"),
    ],
  },
  {
    id: "permissive-namespace-in-strict-mesh",
    about: "The namespace's mode goes before the mesh's, and DISABLE is PERMISSIVE in ambient mode.",
    source: `${ambient}/peer-authn-strict-root-permissive-workload.yaml, ${baseline}: TestPeerAuthentication`,
    objects: objects(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: mesh, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: open }
spec: { mtls: { mode: DISABLE } }`),
    asks: [ask(allowed, "outsider"), ask(allowed, "appa")],
  },
  {
    id: "strict-mesh-permissive-port",
    about: "A STRICT mesh, and a port of appb that takes plain text.",
    source: `${baseline}: TestPeerAuthentication (global-strict-permissive-workload-ports)`,
    objects: objects(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: mesh, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: port }
spec: { selector: { matchLabels: { app: appb } }, portLevelMtls: { 8080: { mode: PERMISSIVE } } }`),
    asks: [
      ask(allowed, "outsider"),
      ask(denied("ztunnel", "PeerAuthentication istio-system/mesh"), "outsider", {}, "appa"),
    ],
  },
  {
    id: "strict-port",
    about: "A port that refuses plain text in a mesh that takes it.",
    source: `${baseline}: TestPeerAuthentication (global-permissive-strict-workload-ports)`,
    objects: objects(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: port }
spec: { selector: { matchLabels: { app: appb } }, portLevelMtls: { 8080: { mode: STRICT } } }`),
    asks: [
      ask(denied("ztunnel", "PeerAuthentication default/port"), "outsider"),
      ask(allowed, "outsider", {}, "appa"),
      ask(allowed, "appa"),
    ],
  },
  {
    id: "around-the-waypoint",
    about: "A policy on the Service does not reach requests that walk around the waypoint.",
    source: "istio.io: docs/ambient/usage/waypoint (pod addresses, and clients outside the mesh)",
    objects: [policy("get-only", `${onService}\nrules: [{ to: [{ operation: { methods: [GET] } }] }]`)],
    asks: [
      ask(denied("waypoint", "default/get-only"), "appa", { method: "POST" }),
      ask(allowed, "appa", { method: "POST" }, "appb's pod"),
      ask(allowed, "outsider", { method: "POST" }),
    ],
  },
  {
    id: "waypoint-only",
    about: "A policy on the pods for the waypoint's identity alone closes the ways around it.",
    source: "istio.io: docs/ambient/usage/l4-policy (policies for the identity of the waypoint)",
    objects: [
      policy("get-only", `${onService}\nrules: [{ to: [{ operation: { methods: [GET] } }] }]`),
      policy("waypoint-only", `${onPods}\nrules: [{ from: [{ source: { principals: ["${id("waypoint")}"] } }] }]`),
    ],
    asks: [
      ask(allowed, "appa"),
      ask(allowed, "gateway"),
      ask(denied("ztunnel", "default/waypoint-only"), "appa", {}, "appb's pod"),
      ask(denied("ztunnel", "default/waypoint-only"), "outsider"),
    ],
  },
  {
    id: "gateway-skips-waypoint",
    about: "Without ingress-use-waypoint the gateway goes to the pods itself, past the policies of the Service.",
    source: "istio 1.31: tests/integration/ambient/waypoint_test.go (TestIngressToWaypoint)",
    objects: [policy("get-only", `${onService}\nrules: [{ to: [{ operation: { methods: [GET] } }] }]`)],
    serviceLabels: { "istio.io/ingress-use-waypoint": null },
    asks: [
      ask(allowed, "gateway", { method: "POST" }),
      ask(denied("waypoint", "default/get-only"), "appa", { method: "POST" }),
    ],
  },
  {
    id: "gateway-skips-waypoint-only",
    about: "Such a gateway is refused by ztunnel where the waypoint alone is allowed.",
    source:
      "istio 1.31: pilot/pkg/xds/endpoints/endpoint_builder.go (findServiceWaypoint), ztunnel 1.31: src/state.rs (assert_rbac)",
    objects: [
      policy("waypoint-only", `${onPods}\nrules: [{ from: [{ source: { principals: ["${id("waypoint")}"] } }] }]`),
    ],
    serviceLabels: { "istio.io/ingress-use-waypoint": "false" },
    asks: [ask(denied("ztunnel", "default/waypoint-only"), "gateway"), ask(allowed, "appa")],
  },
  {
    id: "no-waypoint",
    about:
      "Without a waypoint the policy on the Service is bound to nothing, and ztunnel sees the sender's own identity.",
    source: "istio 1.31: pilot/pkg/serviceregistry/ambient/waypoints.go (GetUseWaypoint: none)",
    objects: [
      policy("get-only", `${onService}\nrules: [{ to: [{ operation: { methods: [GET] } }] }]`),
      policy("appa-only", `${onPods}\nrules: [{ from: [{ source: { principals: ["${id("appa")}"] } }] }]`),
    ],
    serviceLabels: { "istio.io/use-waypoint": "none" },
    asks: [
      ask(allowed, "appa", { method: "POST" }),
      ask(denied("ztunnel", "default/appa-only"), "stranger"),
      ask(denied("ztunnel", "default/appa-only"), "gateway"),
    ],
  },
  {
    id: "no-route",
    about: "A host that no HTTPRoute has is answered 404 by the gateway, after its policies.",
    source: "gateway-api: HTTPRoute hostnames; istio 1.31: pilot/pkg/networking/core/gateway.go",
    objects: [policy("no-post", `${onGateway}\naction: DENY\nrules: [{ to: [{ operation: { methods: [POST] } }] }]`)],
    asks: [
      ask(noRoute("gateway"), "gateway", { host: "nobody.opssec.in" }),
      ask(denied("gateway", "default/no-post"), "gateway", { host: "nobody.opssec.in", method: "POST" }),
      ask(allowed, "gateway", { host: "APPB.opssec.in:80" }),
    ],
  },
  {
    id: "route-at-waypoint",
    about: "An HTTPRoute of a Service replaces its default route: other requests are answered 404 by the waypoint.",
    source:
      "istio 1.31: pilot/pkg/networking/core/listener_waypoint.go (buildWaypointInboundHTTPRouteConfig), gateway-api: path prefixes are of whole segments",
    objects: objects(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: at-waypoint }
spec:
  parentRefs: [{ kind: Service, group: "", name: appb, port: 8000 }]
  rules:
  - matches: [{ path: { type: PathPrefix, value: /api } }]
    backendRefs: [{ name: appb, port: 8000 }]
  - matches: [{ path: { type: Exact, value: /exact }, method: POST, headers: [{ name: X-Go, value: "yes" }] }]
    backendRefs: [{ name: appa, port: 8000 }]`),
    asks: [
      ask(allowed, "appa", { path: "/api/x" }),
      ask(allowed, "appa", { path: "/api" }),
      ask(noRoute("waypoint"), "appa", { path: "/apix" }),
      ask(noRoute("waypoint"), "appa", { path: "/exact" }),
      ask(allowed, "appa", { path: "/exact", method: "POST", headers: { "x-go": "yes" } }),
      ask(allowed, "outsider", { path: "/other" }),
    ],
  },
  {
    id: "route-to-another",
    about: "A route to another Service ends at the pods of that one, under their policies.",
    source: "istio 1.31: pilot/pkg/networking/core/listener_waypoint.go (getWaypointDestinationCluster)",
    objects: [
      ...objects(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: moved }
spec:
  parentRefs: [{ kind: Service, group: "", name: appb }]
  rules: [{ backendRefs: [{ name: appa, port: 8000 }] }]`),
      policy(
        "appa-closed",
        `selector: { matchLabels: { app: appa } }\nrules: [{ from: [{ source: { principals: ["${id("nobody")}"] } }] }]`,
      ),
    ],
    asks: [
      ask(denied("ztunnel", "default/appa-closed"), "stranger"),
      ask(denied("ztunnel", "default/appa-closed"), "gateway"),
      ask(allowed, "outsider"),
    ],
  },
  {
    id: "virtual-service",
    about: "A VirtualService at the waypoint: prefixes of text, a fault, and no route for the rest.",
    source:
      "istio 1.31: pilot/pkg/networking/core/listener_waypoint.go (waypointInboundRoute), route/route.go (TranslateRouteMatch)",
    objects: objects(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: appb }
spec:
  hosts: [appb]
  http:
  - match: [{ uri: { prefix: /slow } }]
    fault: { delay: { fixedDelay: 2s, percentage: { value: 50 } } }
    route: [{ destination: { host: appb } }]
  - match: [{ uri: { exact: /broken } }]
    fault: { abort: { httpStatus: 503, percentage: { value: 100 } } }
    route: [{ destination: { host: appb } }]
  - match: [{ uri: { prefix: /flaky } }]
    fault: { abort: { httpStatus: 503, percentage: { value: 10 } } }
    route: [{ destination: { host: appb } }]
  - match: [{ method: { exact: POST }, headers: { x-go: { prefix: y } } }, { sourceLabels: { app: appa } }]
    route: [{ destination: { host: appb.default.svc.cluster.local, port: { number: 8000 } } }]
  - match: [{ uri: { exact: /moved } }]
    redirect: { uri: /new }`),
    asks: [
      ask({ ...allowed, delay: { ms: 2000, percent: 50 } }, "appa", { path: "/slower" }),
      ask({ outcome: "unreachable", by: "waypoint" }, "appa", { path: "/broken" }),
      ask(unknown, "appa", { path: "/flaky" }),
      ask(allowed, "appa", { method: "POST", headers: { "x-go": "yes" } }),
      ask({ outcome: "redirected", by: "waypoint" }, "appa", { path: "/moved" }),
      // A match by labels of the caller is not used at a waypoint.
      ask(noRoute("waypoint"), "appa", { path: "/other" }),
    ],
  },
  {
    id: "redirect-and-rewrite",
    about: "A redirect at the gateway ends there; a rewritten path is what the waypoint's policies see.",
    source:
      "gateway-api: HTTPRoute filters; istio 1.31: pilot/pkg/config/kube/gateway/conversion.go (convertHTTPRoute)",
    objects: [
      ...objects(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: more }
spec:
  parentRefs: [{ name: gateway }]
  hostnames: [more.opssec.in]
  rules:
  - matches: [{ path: { value: /old } }]
    filters: [{ type: RequestRedirect, requestRedirect: { path: { type: ReplaceFullPath, replaceFullPath: /new } } }]
  - matches: [{ path: { value: /public } }]
    filters:
    - { type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /internal } } }
    - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-From, value: gateway }] } }
    backendRefs: [{ name: appb, port: 8000 }]`),
      policy(
        "internal",
        `${onService}\nrules: [{ to: [{ operation: { paths: ["/internal/*"] } }], when: [{ key: "request.headers[x-from]", values: [gateway] }] }]`,
      ),
    ],
    asks: [
      ask({ outcome: "redirected", by: "gateway" }, "gateway", { host: "more.opssec.in", path: "/old/x" }),
      ask(allowed, "gateway", { host: "more.opssec.in", path: "/public/x" }),
      ask(noRoute("gateway"), "gateway", { host: "more.opssec.in", path: "/x" }),
      ask(denied("waypoint", "default/internal"), "gateway", { path: "/internal/x" }),
      ask(denied("waypoint", "default/internal"), "appa", { path: "/internal/x" }),
    ],
  },
  {
    id: "reference-grant",
    about: "A route to a Service of another namespace needs a ReferenceGrant there.",
    source: "gateway-api: ReferenceGrant; istio 1.31: pilot/pkg/config/kube/gateway/conversion.go (buildDestination)",
    objects: objects(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: far }
spec:
  parentRefs: [{ name: gateway }]
  hostnames: [far.opssec.in]
  rules: [{ backendRefs: [{ name: istiod, namespace: istio-system, port: 15010 }] }]`),
    asks: [ask({ outcome: "unreachable", by: "gateway" }, "gateway", { host: "far.opssec.in" })],
  },
  {
    id: "token",
    about: "A token at the waypoint: none, a verified one, one of another issuer, and claims.",
    source: `${baseline}: TestL7JWT`,
    objects: [
      ...objects(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt }
spec:
  targetRefs: [{ kind: Service, group: "", name: appb }]
  jwtRules: [{ issuer: https://issuer.example, audiences: [lab], jwks: '{"keys":[]}' }]`),
      policy(
        "subjects",
        `${onService}
rules:
- from: [{ source: { requestPrincipals: ["https://issuer.example/sub-1"] } }]
- from: [{ source: { requestPrincipals: ["*"] } }]
  when: [{ key: "request.auth.claims[groups]", values: [admins] }, { key: "request.auth.claims[a][b]", values: ["c*"] }]
- to: [{ operation: { paths: [/healthz] } }]`,
      ),
    ],
    asks: [
      ask(denied("waypoint", "default/subjects"), "appa"),
      ask(allowed, "appa", { path: "/healthz" }),
      ask(allowed, "appa", { claims: { iss: "https://issuer.example", aud: ["lab"], sub: "sub-1" } }),
      ask(denied("waypoint", "default/subjects"), "appa", {
        claims: { iss: "https://issuer.example", aud: "lab", sub: "sub-2" },
      }),
      ask(denied("waypoint", "RequestAuthentication default/jwt"), "appa", {
        path: "/healthz",
        claims: { iss: "https://other.example", sub: "sub-1" },
      }),
      ask(denied("waypoint", "RequestAuthentication default/jwt"), "appa", {
        path: "/healthz",
        claims: { iss: "https://issuer.example", aud: "other", sub: "sub-1" },
      }),
      ask(allowed, "appa", {
        claims: { iss: "https://issuer.example", aud: "lab", sub: "x", groups: ["users", "admins"], a: { b: "cd" } },
      }),
      ask(denied("waypoint"), "appa", {
        claims: { iss: "https://issuer.example", aud: "lab", sub: "x", groups: ["users"], a: { b: "cd" } },
      }),
    ],
  },
  {
    id: "token-without-authentication",
    about: "Claims are read by a RequestAuthentication alone: without one the token proves nothing.",
    source: `${docs}/authorization-policy: requestPrincipals "requires request authentication enabled"`,
    objects: [policy("subjects", `${onService}\nrules: [{ from: [{ source: { requestPrincipals: ["*"] } }] }]`)],
    asks: [
      ask(denied("waypoint", "default/subjects"), "appa", { claims: { iss: "https://issuer.example", sub: "sub-1" } }),
    ],
  },
  {
    id: "token-taken-by-the-gateway",
    about: "A gateway that verifies a token takes it out of the request, so that the waypoint sees none.",
    source:
      "istio 1.31: pilot/pkg/security/authn/policy_applier.go (Forward), istio/api: RequestAuthentication forwardOriginalToken",
    objects: [
      ...["gateway", "waypoint"].flatMap((name) =>
        objects(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt-${name} }
spec:
  targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: ${name} }]
  jwtRules: [{ issuer: https://issuer.example, jwks: '{"keys":[]}' }]`),
      ),
      policy(
        "at-waypoint",
        `${onService}\nrules: [{ from: [{ source: { requestPrincipals: ["https://issuer.example/*"] } }] }]`,
      ),
      policy(
        "at-gateway",
        `${onGateway}\naction: DENY\nrules: [{ from: [{ source: { notRequestPrincipals: ["*/lab"] } }], to: [{ operation: { methods: [POST] } }] }]`,
      ),
    ],
    asks: [
      ask(denied("waypoint", "default/at-waypoint"), "gateway", {
        claims: { iss: "https://issuer.example", sub: "lab" },
      }),
      ask(allowed, "appa", { claims: { iss: "https://issuer.example", sub: "lab" } }),
      ask(denied("gateway", "default/at-gateway"), "gateway", { method: "POST" }),
    ],
  },
  {
    id: "envoy-filter",
    about: "Nothing is known about a proxy that an EnvoyFilter or a WasmPlugin changes; past it everything is.",
    source: `${baseline}: TestWaypointEnvoyFilter, istio 1.31: pilot/pkg/model/push_context.go (getMatchedEnvoyFilters)`,
    objects: [
      ...objects(`
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: changed }
spec: { targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: waypoint }], configPatches: [] }
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: of-pods }
spec: { workloadSelector: { labels: { app: appb } }, configPatches: [] }`),
      policy(
        "deny-stranger",
        `${onPods}\naction: DENY\nrules: [{ from: [{ source: { principals: ["${id("stranger")}"] } }] }]`,
      ),
    ],
    asks: [
      ask(unknown, "appa"),
      ask(unknown, "gateway"),
      ask(allowed, "outsider"),
      ask(denied("ztunnel", "default/deny-stranger"), "stranger", {}, "appb's pod"),
    ],
  },
];
