import { describe, expect, it } from "vitest";
import { computeDecision } from "../../../../access/computed/decide";
import type { AccessDecision, AccessRequest, Destination, Mesh, Sender } from "../../../../access/types";
import { gatewayName, meshNamespace, ports } from "../../../../config/vocabulary";
import { experiments } from "../../../../experiments/index";
import { services, workloads } from "../../../../experiments/names";
import { objects as labObjects } from "../../../../experiments/objects";
import type { Expectation, LabFacts, Probe } from "../../../../experiments/types";
import { audienceOf, issuerOf } from "../../../../modules/gateway-jwt/objects";
import { moduleNames } from "../../../../modules/index";
import { hasLabels } from "../../../../verify/declared/authorization";
import { declaredLab } from "../../verify/fake/declared";
import { living, meshOf } from "./living";

/** A request of an experiment, as a question about access. */
function requestOf(probe: Probe, mesh: Mesh, { settings }: LabFacts): AccessRequest {
  const { from, to, method, path, token } = probe;
  const service = probe.service ?? "appb";
  const { namespace = "default", pods } = services[service];
  const place = workloads[from === "host" ? "appa" : from];
  const sender: Sender =
    from === "host"
      ? { kind: "gateway", gateway: { namespace: "default", name: gatewayName } }
      : {
          ...{ kind: "workload", namespace: place.namespace ?? "default", serviceAccount: place.app ?? from },
          ...{ labels: { app: from }, inMesh: "mesh" in place && place.mesh === true },
        };
  const pod = mesh.objects.find(
    ({ kind, metadata }) =>
      kind === "Pod" && metadata?.namespace === namespace && hasLabels(metadata.labels ?? {}, { app: pods }),
  );
  const destination: Destination =
    to === "pod"
      ? { kind: "pod", pod: { namespace, name: pod?.metadata?.name ?? "" }, port: ports.container }
      : { kind: "service", service: { namespace, name: service }, port: ports.service };
  const host = to === "gateway" ? (probe.host ?? `appb.${settings.domain}`) : `${service}:${ports.service}`;
  const { issuer = issuerOf(settings.domain), audience = audienceOf(settings.domain) } = token ?? {};
  const claims = token && { iss: issuer, sub: "lab", aud: audience, ...token.claims };
  return { from: sender, to: destination, method, path, host, headers: {}, ...(claims ? { claims } : {}) };
}

/** What a decision must say where an experiment expects this. */
function expected(expect: Expectation): Partial<AccessDecision> {
  if (expect.outcome === "answered") return { outcome: "allowed" };
  if (expect.outcome === "redirected") return { outcome: "redirected", by: expect.by };
  const policy = expect.policy && named(expect.policy);
  if (expect.outcome === "refused" && expect.status === 404) return { outcome: "no-route", by: expect.by };
  return { outcome: "denied", by: expect.by, ...(policy ? { policy } : {}) };
}

const named = (object: keyof typeof labObjects): string => {
  const { kind, namespace, name } = labObjects[object];
  return `${kind} ${namespace}/${name}`;
};

async function probesOf(modules: LabFacts["settings"]["modules"]) {
  const { facts, objects, patches } = await declaredLab({ modules });
  const mesh = meshOf(living([...objects, ...patches]), { rootNamespace: meshNamespace });
  const probes = experiments
    .filter(({ module }) => (module === undefined ? modules.length === 0 : modules.includes(module)))
    .flatMap((experiment) => experiment.steps(facts.settings).map((step) => ({ id: experiment.id, step })))
    .flatMap(({ id, step }) => (step.kind === "probe" ? [{ id, probe: step }] : []));
  return { probes, mesh, facts };
}

/** The requests of modules about which computeDecision() says something wrong, and its reasons for those that it does not know. */
async function compared(modules: LabFacts["settings"]["modules"]) {
  const { probes, mesh, facts } = await probesOf(modules);
  const said = probes
    .filter(({ probe }) => isAskable(probe))
    .map(({ id, probe }) => ({ id, probe, is: computeDecision(mesh, requestOf(probe, mesh, facts)) }));
  const wrong = said.filter(({ probe, is }) => {
    const wanted = expected(probe.expect);
    return is.outcome !== "unknown" && (is.outcome !== wanted.outcome || is.by !== wanted.by);
  });
  return {
    wrong: wrong.map(({ id, probe, is }) => `${id}: ${probe.name}: ${JSON.stringify(is)}`),
    unknown: [...new Set(said.flatMap(({ is }) => (is.outcome === "unknown" ? [is.because] : [])))],
  };
}

// The Pulumi program runs in each of them.
describe("computeDecision() on the lab's own objects", { timeout: 60_000 }, () => {
  it("says of every request of the story what the experiments expect", async () => {
    const { probes, mesh, facts } = await probesOf([]);
    expect(probes.length).toBeGreaterThan(20);
    const said = probes.map(({ id, probe }) => {
      const { outcome, by, policy } = computeDecision(mesh, requestOf(probe, mesh, facts));
      const wanted = expected(probe.expect);
      return { id, name: probe.name, outcome, by, ...(wanted.policy ? { policy } : {}) };
    });
    expect(said).toEqual(
      probes.map(({ id, probe }) => ({ id, name: probe.name, by: undefined, ...expected(probe.expect) })),
    );
  });

  it("reports the delay of the story's fault, and the waypoint", async () => {
    const { mesh } = await probesOf([]);
    const headers = computeDecision(mesh, {
      from: { kind: "workload", namespace: "default", serviceAccount: "appa", labels: {}, inMesh: true },
      to: { kind: "service", service: { namespace: "default", name: "appb" }, port: 8000 },
      ...{ method: "GET", path: "/headers", host: "appb:8000", headers: {} },
    });
    expect(headers).toMatchObject({
      outcome: "allowed",
      delay: { ms: 2000, percent: 50 },
      waypoint: { namespace: "default", name: "waypoint" },
    });
  });

  it("says of the modules' requests what the experiments expect", async () => {
    const { wrong, unknown } = await compared(moduleNames.filter((module) => module !== "resilience"));
    expect(wrong).toEqual([]);
    // Module agentgateway: a waypoint that is no Envoy.
    expect(unknown).toEqual([
      "waypoint default/agentgateway is of class istio-agentgateway-waypoint: what such a proxy does is not computed",
    ]);
  });

  it("does not know what a waypoint does that an EnvoyFilter changes", async () => {
    const { wrong, unknown } = await compared(["resilience"]);
    expect(wrong).toEqual([]);
    expect(unknown).toEqual(["EnvoyFilter default/appb-limited changes the waypoint default/waypoint"]);
  });
});

/** A question has no HTTPS, no token that is forged or expired, and no Service outside the cluster. */
const isAskable = ({ tls, token, service }: Probe): boolean =>
  tls === undefined &&
  token?.forgery === undefined &&
  (token?.seconds ?? 1) > 0 &&
  !(service !== undefined && "host" in services[service]);
