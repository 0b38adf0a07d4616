import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { tokenFilterOf } from "../../../verify/declared/tokens";
import { at, differences, listAt } from "../../../verify/json";
import { fakeWorld } from "./fake/world";

/** One listener of the gateway's dump, and its filter for tokens. */
interface Held {
  chain: Record<string, unknown>;
  tokens: Record<string, unknown>;
}

/** The findings of the proofs of the gateway's configuration, where the proxy holds something else than it should. */
async function findingsWhere(port: number, change: (held: Held) => void): Promise<string[]> {
  const lab = await fakeWorld({ modules: ["gateway-tls", "gateway-jwt"] });
  const podGet = lab.podGet.bind(lab);
  lab.podGet = async (pod, adminPort, path, signal) => {
    const answer = await podGet(pod, adminPort, path, signal);
    if (adminPort !== 15_000 || !pod.name.startsWith("gateway")) return answer;
    const dump: unknown = JSON.parse(answer.body);
    const listener = listAt(dump, "configs")
      .flatMap((config) => listAt(config, "dynamic_listeners"))
      .map((each) => at(each, "active_state", "listener"))
      .find((each) => at(each, "address", "socket_address", "port_value") === port);
    const chain = at(listener, "filter_chains", 0) as Held["chain"];
    const filters = listAt(chain, "filters", 0, "typed_config", "http_filters");
    const filter = filters.find((each) => at(each, "name") === "envoy.filters.http.jwt_authn");
    change({ chain, tokens: at(filter, "typed_config") as Held["tokens"] });
    return { ...answer, body: JSON.stringify(dump) };
  };
  const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["proxy-config"] });
  const failed = report.results.flatMap(({ findings }) => findings).filter(({ verdict }) => verdict !== "pass");
  expect(report.verdict).toBe(failed.length > 0 ? "fail" : "pass");
  expect(report.drift).toEqual([]);
  return failed.map(({ layer, seen }) => `${layer}: ${seen}`);
}

const provider = ({ tokens }: Held) => at(tokens, "providers", "origins-0") as Record<string, unknown>;
const requirements = ({ tokens }: Held) =>
  at(tokens, "rules", 0, "requires", "requires_any", "requirements") as Record<string, unknown>[];
const tls = ({ chain }: Held) => at(chain, "transport_socket", "typed_config") as Record<string, unknown>;

describe("the gateway's configuration", () => {
  it("is as declared in a sound lab", async () => {
    expect(await findingsWhere(443, () => undefined)).toEqual([]);
  });

  it.each<[string, number, (held: Held) => void, string]>([
    [
      "another key",
      80,
      (held) => Object.assign(provider(held), { local_jwks: { inline_string: "{}" } }),
      "inlineString is",
    ],
    [
      "another issuer",
      80,
      (held) => Object.assign(provider(held), { issuer: "https://eve" }),
      'issuer is "https://eve"',
    ],
    ["no audience", 80, (held) => void Reflect.deleteProperty(provider(held), "audiences"), "audiences is absent"],
    [
      "a second provider",
      443,
      ({ tokens }) => Object.assign(at(tokens, "providers") as object, { eve: { issuer: "https://eve" } }),
      "providers.eve is",
    ],
    [
      "a way past bad tokens",
      80,
      (held) => void requirements(held).splice(1, 1, { allow_missing_or_failed: {} }),
      "allowMissingOrFailed is {}",
    ],
    [
      "tokens for one path alone",
      80,
      ({ tokens }) => Object.assign(at(tokens, "rules", 0) as object, { match: { prefix: "/admin" } }),
      'rules[0].match.prefix is "/admin"',
    ],
    ["tokens from a parameter", 80, (held) => Object.assign(provider(held), { from_params: ["t"] }), "fromParams is"],
    [
      "a field that is not understood",
      80,
      ({ tokens }) => Object.assign(tokens, { strip_failure_response: true }),
      "stripFailureResponse",
    ],
    [
      "another certificate",
      443,
      (held) =>
        Object.assign(at(tls(held), "common_tls_context", "tls_certificate_sds_secret_configs", 0) as object, {
          name: "kubernetes-gateway://default/eve",
        }),
      'name is "kubernetes-gateway://default/eve"',
    ],
    [
      "client certificates",
      443,
      (held) => Object.assign(tls(held), { require_client_certificate: true }),
      "requireClientCertificate is true",
    ],
    ["no TLS", 443, ({ chain }) => void Reflect.deleteProperty(chain, "transport_socket"), "socket is absent"],
    [
      "TLS for another host",
      443,
      ({ chain }) => Object.assign(chain, { filter_chain_match: { server_names: ["eve.test"] } }),
      'match.serverNames[0] is "eve.test"',
    ],
    [
      "plain HTTP for some sources alone",
      80,
      ({ chain }) =>
        Object.assign(chain, { filter_chain_match: { source_prefix_ranges: [{ address_prefix: "10.0.0.0" }] } }),
      "the chain of port 80: match is",
    ],
  ])("with %s is none that the stack declares", async (_what, port, change, seen) => {
    const findings = await findingsWhere(port, change);
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) expect(finding).toMatch(/^gateway: /);
    expect(findings.join("\n")).toContain(seen);
  });
});

describe("tokenFilterOf()", () => {
  const filterOf = (...jwtRules: object[]) => tokenFilterOf([{ kind: "RequestAuthentication", spec: { jwtRules } }]);

  it("is nothing without a rule", () => {
    expect(tokenFilterOf([])).toBeUndefined();
    expect(filterOf()).toBeUndefined();
  });

  // istio 1.31 pilot/pkg/security/authn/policy_applier_test.go, TestConvertToEnvoyJwtConfig, and the sorting of NewPolicyApplier.
  it("orders providers by issuer, and takes one of several tokens in the same place", () => {
    const filter = filterOf(
      { issuer: "b", jwks: "{}" },
      { issuer: "a", jwks: "{}", fromHeaders: [{ name: "x", prefix: "p " }] },
    );
    expect(filter).toMatchObject({
      providers: {
        "origins-0": { issuer: "a", fromHeaders: [{ name: "x", valuePrefix: "p " }] },
        "origins-1": { issuer: "b" },
      },
      rules: [
        {
          requires: {
            requiresAny: {
              requirements: [
                { providerName: "origins-0" },
                { providerName: "origins-1" },
                { requiresAll: { requirements: [{ requiresAny: {} }, { requiresAny: {} }] } },
              ],
            },
          },
        },
      ],
    });
  });

  it("never equals a filter whose keys istiod fetches, or with a field that is not read", () => {
    const real = { issuer: "a", localJwks: { inlineString: "{}" } };
    const places = (rule: object) =>
      differences(at(filterOf(rule), "providers", "origins-0"), real).map(({ path }) => path);
    expect(places({ issuer: "a", jwksUri: "https://a/keys", jwks: "{}" })).toContain("unread");
    expect(places({ issuer: "a" })).toContain("localJwks.fetched");
  });
});
