import type { Slice } from "../slice";

/** Host at which the gateway demands a token. */
export const hostOf = (domain: string): string => `jwt.${domain}`;
/** Issuer and audience of the tokens. They are names; no server answers there. */
export const issuerOf = (domain: string): string => `https://issuer.${domain}`;
export const audienceOf = (domain: string): string => `jwt.${domain}`;

/** Claim that a token must have. */
export const claim = { name: "groups", value: "lab" } as const;

/** Secret with the issuer's private key, and the key's name in it. */
export const secret = { name: "gateway-jwt-issuer", key: "private.pem" } as const;

export const gatewayJwt = {
  objects: {
    "Secret/gateway-jwt-issuer": "gateway",
    "HTTPRoute/gateway-jwt-route": "gateway",
    "RequestAuthentication/gateway-jwt": "gateway",
    "AuthorizationPolicy/gateway-jwt-claim": "gateway",
  },
} as const satisfies Slice;
