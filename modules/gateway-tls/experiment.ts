import { check, condition, configGate } from "../../experiments/checks";
import { meshPath, policies } from "../../experiments/objects";
import { outcomeAtWaypoint, pathFor, usualMethod } from "../../experiments/requests";
import type { Experiment, Probe } from "../../experiments/types";
import { hostOf, leastDays } from "./objects";

/** HTTPS at the gateway, and a redirect to it from HTTP. */
export const gatewayTlsListener: Experiment = {
  id: "gateway-tls",
  module: "gateway-tls",
  tour: { id: "tls", title: "HTTPS at the gateway, with a CA of your own" },
  title: "The gateway serves a certificate of the lab's CA, and redirects HTTP to HTTPS",
  question:
    "Does the gateway serve the certificate of its Secret, is it signed by the lab's CA and no public one, is it valid for a while yet, and is HTTP redirected?",
  why: "The handshake is made from this machine, which trusts only the file that the outputs name, so that chain, name and dates are checked as by a client. The control trusts this machine's own CAs, and must refuse. The gateway itself answers with the redirect: its log says direct_response, and appb has no record of the request.",
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
      { ...sent, name: `a request by HTTPS ${may} ${method} ${sent.path}`, tls: true, expect },
      {
        ...sent,
        name: "a request by HTTP is redirected to HTTPS",
        expect: {
          outcome: "redirected",
          by: "gateway",
          status: 301,
          to: `https://${host}${settings.httpsPort ? `:${settings.httpsPort}` : ""}`,
        },
      },
    ];
    return [
      configGate("listener and redirect at the gateway", "gateway"),
      ...(["HTTPRoute/gateway-tls", "HTTPRoute/gateway-tls-redirect"] as const).map((object) =>
        condition(`${object} is Accepted`, object, "Accepted"),
      ),
      check(`the certificate of ${host}`, { check: "tls-certificate", host, secret: "Secret/gateway-tls", leastDays }),
      check(`the gateway refuses TLS for appb.${settings.domain}`, {
        check: "tls-refused",
        host: `appb.${settings.domain}`,
      }),
      ...probes,
    ];
  },
};
