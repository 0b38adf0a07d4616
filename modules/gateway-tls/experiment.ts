import { meshPath, policies } from "../../experiments/objects";
import { outcomeAtWaypoint, pathFor, usualMethod } from "../../experiments/requests";
import type { Experiment, Probe } from "../../experiments/types";
import { hostOf, leastDays } from "./objects";

/** HTTPS at the gateway, and the way to it for those who come by HTTP. */
export const gatewayTlsListener: Experiment = {
  id: "gateway-tls",
  module: "gateway-tls",
  tour: { id: "tls", title: "The way in by HTTPS, with a CA of your own" },
  title: "The gateway proves by a certificate who it is, and sends HTTP to HTTPS",
  question:
    "Does the gateway serve the certificate of its Secret, does the lab's CA and nobody else vouch for it, will it hold for a while yet, and is HTTP led to it?",
  why: "The handshake is made from this machine, with nothing trusted but the file that the outputs name, so that chain, name and dates are judged as a client would. The control trusts what this machine trusts by itself, and must refuse. The redirect is the gateway's own answer: its log says direct_response, and appb has no record of the request.",
  rows: [],
  objects: [
    ...meshPath,
    ...policies,
    "Gateway/gateway",
    "Deployment/gateway-istio",
    "Secret/gateway-tls",
    "HTTPRoute/gateway-tls",
    "HTTPRoute/gateway-tls-redirect",
  ],
  steps: (settings) => {
    const host = hostOf(settings.domain);
    const method = usualMethod(settings);
    const expect = outcomeAtWaypoint(settings, "host", method);
    const sent = { kind: "probe", from: "host", to: "gateway", host, method, path: pathFor(method) } as const;
    const may = expect.outcome === "answered" ? "may" : "may not";
    const probes: Probe[] = [
      { ...sent, name: `who comes by HTTPS ${may} ${method} ${sent.path}`, tls: true, expect },
      {
        ...sent,
        name: "who comes by HTTP is sent to HTTPS",
        expect: {
          outcome: "redirected",
          by: "gateway",
          status: 301,
          to: `https://${host}${settings.httpsPort ? `:${settings.httpsPort}` : ""}`,
        },
      },
    ];
    return [
      {
        kind: "check",
        name: "listener and redirect at the gateway",
        check: "gateway-told",
        wanted: ["listener for port 443", `${host} → redirect to https`],
        gate: true,
      },
      ...(["HTTPRoute/gateway-tls", "HTTPRoute/gateway-tls-redirect"] as const).map(
        (object) =>
          ({ kind: "check", name: `${object} is Accepted`, check: "condition", object, type: "Accepted" }) as const,
      ),
      {
        kind: "check",
        name: `the certificate of ${host}`,
        check: "tls-certificate",
        host,
        secret: "Secret/gateway-tls",
        leastDays,
      },
      {
        kind: "check",
        name: `nobody answers by TLS for appb.${settings.domain}`,
        check: "tls-silence",
        host: `appb.${settings.domain}`,
      },
      ...probes,
    ];
  },
};
