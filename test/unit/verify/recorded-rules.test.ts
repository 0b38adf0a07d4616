import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { exec } from "../../../host/exec";
import type { ModuleName } from "../../../modules/index";
import { verifyLab } from "../../../verify";
import { ruleDifferences } from "../../../verify/checks/proxies";
import { rbacRulesOf } from "../../../verify/declared/authorization";
import { at, listAt, textAt } from "../../../verify/json";
import type { HttpAnswer, KubeObject } from "../../../verify/lab-client";
import { conditionText } from "../../../verify/proxy-config/condition";
import { parseEnvoyDump } from "../../../verify/proxy-config/envoy-dump";
import { rulesOfFilter } from "../../../verify/proxy-config/envoy-rbac";
import { parseZtunnelDump } from "../../../verify/proxy-config/ztunnel-dump";
import { fakeWorld } from "./fake/world";

/** Dumps of an unmodified istiod and ztunnel (README.md beside them); they are not part of the repository. */
const folder = join(__dirname, "../../../../shared/recorded/istio-1.31");
const recorded = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), "utf8"));

/** The lab that was recorded. */
const modules: ModuleName[] = [
  ...(["fail-open", "l4-l7", "traffic-split", "resilience", "egress"] as const),
  ...(["cross-namespace", "strict-mtls", "gateway-tls", "gateway-jwt"] as const),
];

describe.skipIf(!existsSync(folder))("the dumps of an unmodified Istio 1.31", () => {
  it("have no rule that is not understood", () => {
    const rules = ["istiod-waypoint.json", "istiod-gateway.json"].flatMap((file) =>
      parseEnvoyDump(recorded(file)).http.flatMap(({ rbac }) => rbac),
    );
    const { policies } = parseZtunnelDump(recorded("ztunnel-config_dump.json"));
    const texts = [...rules, ...policies].map(({ condition }) => conditionText(condition));
    expect({ rules: rules.length, policies: policies.length }).toEqual({ rules: 9, policies: 7 });
    expect(texts.filter((text) => text.includes("not understood"))).toEqual([]);
    expect(new Set(texts)).toContain(
      "(identity is cluster.local/ns/default/sa/appa or identity is cluster.local/ns/default/sa/gateway-istio) and method is GET",
    );
  });

  it("are what the program declares: filters, rules, routes and policies on pods", async () => {
    const lab = await fakeWorld({ modules, httpsPort: 10_203 });
    const podGet = lab.podGet.bind(lab);
    // The recorded lab had a key of its own.
    const { tokens } = parseEnvoyDump(recorded("istiod-gateway.json")).http[0] ?? {};
    const declared = lab.state.facts.declared.find(({ kind }) => kind === "RequestAuthentication")?.spec;
    const keys = [
      textAt(tokens, "providers", "origins-0", "localJwks", "inlineString"),
      textAt(declared, "jwtRules", 0, "jwks"),
    ].map((jwks) => JSON.stringify(jwks)) as [string, string];
    // istiod's own rendering has no endpoints.
    const withEndpoints = (file: string, { body, ...answer }: HttpAnswer): HttpAnswer => {
      const endpoints = listAt(JSON.parse(body), "configs").filter((each) =>
        textAt(each, "@type")?.endsWith(".EndpointsConfigDump"),
      );
      const configs = [...listAt(recorded(file), "configs"), ...endpoints];
      return { ...answer, body: JSON.stringify({ configs }).replaceAll(...keys) };
    };
    const policies = listAt(recorded("ztunnel-config_dump.json"), "policies");
    lab.podGet = async (pod, port, path, signal) => {
      const answer = await podGet(pod, port, path, signal);
      if (port !== 15_000) return answer;
      if (pod.name.startsWith("gateway")) return withEndpoints("istiod-gateway.json", answer);
      if (pod.name.startsWith("waypoint")) return withEndpoints("istiod-waypoint.json", answer);
      if (pod.name.startsWith("ztunnel"))
        return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), policies }) };
      return answer;
    };
    const only = ["proxy-config", "bypass", "l4-l7", "traffic-split", "resilience", "strict-mtls", "gateway-jwt"];
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only });
    const failed = report.results.flatMap(({ findings }) => findings.filter(({ verdict }) => verdict === "fail"));
    expect(failed.map(({ name, seen }) => `${name}: ${seen}`)).toEqual([]);
    expect(report.verdict).toBe("pass");
  }, 60_000);
});

/** Istio's source as a bare repository; it is not part of this one. */
const istio = join(__dirname, "../../../../.mirror/istio+istio/repo");
const testdata = "pilot/pkg/security/authz/builder/testdata/http";

describe.skipIf(!existsSync(istio))("the policies in the tests of Istio's own builder", () => {
  const documents = async (file: string): Promise<unknown[]> => {
    const { stdout } = await exec("git", ["-C", istio, "show", `HEAD:${testdata}/${file}.yaml`], { timeoutMs: 20_000 });
    return parseAllDocuments(stdout)
      .map((each) => each.toJS())
      .filter(Boolean);
  };

  it.each([
    ["allow-empty-rule", [""]],
    ["allow-nil-rule", [""]],
    ["allow-path", [""]],
    ["audit-full-rule", [""]],
    ["deny-and-allow", ["1", "2"]],
    ["deny-empty-rule", [""]],
    ["dry-run-allow-and-deny", ["1", "2"]],
    ["dry-run-mix", [""]],
    ["multiple-policies", [""]],
    ["single-policy", [""]],
    ["trust-domains", [""]],
  ] as const)("%s.yaml becomes the rules that Istio expects", async (name, parts) => {
    const policies = (await documents(`${name}-in`)) as KubeObject[];
    const filters = (await Promise.all(parts.map((part) => documents(`${name}-out${part}`)))).flat();
    const rules = filters.flatMap((filter) => rulesOfFilter(at(filter, "typedConfig")));
    expect(rules.length).toBeGreaterThan(0);
    expect(ruleDifferences(rbacRulesOf(policies), rules)).toEqual([]);
  });
});
