import type { FakeCertificate } from "../../../support/fake-tls-provider";
import { type BrokenWorld, behaves, edit, remove } from "./breaks";
import { certificate } from "./gateway-modules";

const gateway = { layer: "gateway" };
const tls = { settings: { modules: ["gateway-tls"] }, detectedBy: { "gateway-tls": gateway } } as const;
const jwt = { settings: { modules: ["gateway-jwt"] }, detectedBy: { "gateway-jwt": gateway } } as const;
const redirect = ["spec", "rules", 0, "filters", 0, "requestRedirect"];
const claim = "AuthorizationPolicy/default/gateway-jwt-claim";
const authentication = "RequestAuthentication/default/gateway-jwt";
const serves = (fields: Partial<FakeCertificate>) =>
  edit("Secret/default/gateway-tls", ["data", "tls.crt"], certificate(fields));

/** Changes with which a lab with HTTPS or tokens at its gateway must not pass. */
export const brokenGateway: BrokenWorld[] = [
  { ...tls, name: "gateway-tls: expired certificate", breaks: serves({ notAfter: "2026-11-22T00:00:00Z" }) },
  {
    ...tls,
    name: "gateway-tls: certificate that expires in six days",
    breaks: serves({ notAfter: "2026-11-29T13:00:00Z" }),
  },
  { ...tls, name: "gateway-tls: certificate for another name", breaks: serves({ names: ["appb.opssec.in"] }) },
  { ...tls, name: "gateway-tls: certificate of another CA", breaks: serves({ issuer: "Somebody's CA" }) },
  {
    ...tls,
    name: "gateway-tls: the file of the CA belongs to another lab",
    breaks: (state) => {
      state.caFile = "Another lab's CA";
    },
  },
  {
    ...tls,
    name: "gateway-tls: this machine trusts the lab's CA",
    breaks: (state) => {
      state.systemCa = "Ambient lab CA";
    },
    detectedBy: { "gateway-tls": { layer: "client" } },
  },
  {
    ...tls,
    name: "gateway-tls: the gateway still serves the previous certificate",
    breaks: (state) => {
      state.stopIstiod();
      serves({ notAfter: "2027-05-18T00:00:00Z" })(state);
    },
  },
  {
    ...tls,
    name: "gateway-tls: Secret deleted",
    breaks: remove("Secret/default/gateway-tls"),
    drift: "Secret/gateway-tls does not exist",
  },
  {
    ...tls,
    name: "gateway-tls: listener deleted",
    drift: "Gateway/gateway: spec.listeners[1] is absent",
    breaks: (state) => {
      const { spec } = state.get("Gateway/default/gateway") as { spec: { listeners: unknown[] } };
      spec.listeners.pop();
    },
  },
  {
    ...tls,
    name: "gateway-tls: listener for every name",
    drift: "Gateway/gateway: spec.listeners[1].hostname is *.opssec.in",
    breaks: edit("Gateway/default/gateway", ["spec", "listeners", 1, "hostname"], "*.opssec.in"),
  },
  {
    ...tls,
    name: "gateway-tls: redirect deleted",
    breaks: remove("HTTPRoute/default/gateway-tls-redirect"),
    drift: "HTTPRoute/gateway-tls-redirect does not exist",
  },
  {
    ...tls,
    name: "gateway-tls: redirect to another port",
    drift: "HTTPRoute/gateway-tls-redirect: spec.rules[0].filters[0].requestRedirect.port is 443",
    breaks: edit("HTTPRoute/default/gateway-tls-redirect", [...redirect, "port"], 443),
  },
  {
    ...tls,
    name: "gateway-tls: HTTP is answered, despite the configuration",
    breaks: behaves("HTTPRoute/default/gateway-tls-redirect", ["spec", "rules", 0], {}),
  },
  {
    ...tls,
    name: "gateway-tls: HTTPS has no route",
    breaks: remove("HTTPRoute/default/gateway-tls"),
    drift: "HTTPRoute/gateway-tls does not exist",
  },
  {
    ...tls,
    name: "gateway-tls: the logs cannot be read",
    breaks: (state) => {
      state.logsBroken = true;
    },
    detectedBy: { "gateway-tls": { layer: "gateway", verdict: "inconclusive" } },
  },
  {
    ...jwt,
    name: "gateway-jwt: policy deleted, so that no token is required",
    breaks: remove(claim),
    drift: "AuthorizationPolicy/gateway-jwt-claim does not exist",
  },
  {
    ...jwt,
    name: "gateway-jwt: authentication deleted, so that tokens are not validated",
    breaks: remove(authentication),
    drift: "RequestAuthentication/gateway-jwt does not exist",
  },
  {
    ...jwt,
    name: "gateway-jwt: the claim is not required",
    drift: "AuthorizationPolicy/gateway-jwt-claim: spec.rules[1].to[0].operation.hosts is absent",
    breaks: edit(claim, ["spec", "rules", 1, "to", 0, "operation", "hosts"], []),
  },
  {
    ...jwt,
    name: "gateway-jwt: a token is not required",
    drift: "AuthorizationPolicy/gateway-jwt-claim: spec.rules[0].to[0].operation.hosts is absent",
    breaks: edit(claim, ["spec", "rules", 0, "to", 0, "operation", "hosts"], []),
  },
  {
    ...jwt,
    name: "gateway-jwt: a host with a port bypasses the policy",
    drift: "AuthorizationPolicy/gateway-jwt-claim: spec.rules[0].to[0].operation.hosts[1] is absent",
    breaks: (state) => {
      for (const rule of [0, 1])
        edit(claim, ["spec", "rules", rule, "to", 0, "operation", "hosts"], ["jwt.opssec.in"])(state);
    },
  },
  {
    ...jwt,
    name: "gateway-jwt: the policy denies the host of the story",
    drift: "AuthorizationPolicy/gateway-jwt-claim: spec.rules[0].to[0].operation.hosts[1] is appb.opssec.in",
    breaks: (state) => {
      for (const rule of [0, 1])
        edit(claim, ["spec", "rules", rule, "to", 0, "operation", "hosts"], ["jwt.opssec.in", "appb.opssec.in"])(state);
    },
  },
  {
    ...jwt,
    name: "gateway-jwt: another value of the claim is required",
    drift: "AuthorizationPolicy/gateway-jwt-claim: spec.rules[1].when[0].notValues[0] is guests",
    breaks: edit(claim, ["spec", "rules", 1, "when", 0, "notValues"], ["guests"]),
  },
  {
    ...jwt,
    name: "gateway-jwt: tokens for another audience are accepted",
    drift: "RequestAuthentication/gateway-jwt: spec.jwtRules[0].audiences[1] is example.org",
    breaks: edit(authentication, ["spec", "jwtRules", 0, "audiences"], ["jwt.opssec.in", "example.org"]),
  },
  {
    ...jwt,
    name: "gateway-jwt: another issuer is trusted",
    drift: "RequestAuthentication/gateway-jwt: spec.jwtRules[0].issuer is https://issuer.example.org",
    breaks: edit(authentication, ["spec", "jwtRules", 0, "issuer"], "https://issuer.example.org"),
  },
  {
    ...jwt,
    name: "gateway-jwt: the issuer's key deleted",
    breaks: remove("Secret/default/gateway-jwt-issuer"),
    drift: "Secret/gateway-jwt-issuer does not exist",
  },
  {
    ...jwt,
    name: "gateway-jwt: the logs cannot be read",
    breaks: (state) => {
      state.logsBroken = true;
    },
    detectedBy: { "gateway-jwt": { layer: "gateway", verdict: "inconclusive" } },
  },
];
