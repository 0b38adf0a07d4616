import type { Slice } from "../slice";

/** Host that the gateway serves by HTTPS. */
export const hostOf = (domain: string): string => `secure.${domain}`;

/** How long the certificates are valid, and how many days before the end an "up" renews them. */
export const days = { ca: 3650, certificate: 90, renewal: 30 } as const;

/** A certificate that ends sooner fails the experiment: every "up" of three weeks has failed to renew it. */
export const leastDays = 7;

export const gatewayTls = {
  objects: {
    "Secret/gateway-tls": "gateway",
    "HTTPRoute/gateway-tls": "gateway",
    "HTTPRoute/gateway-tls-redirect": "gateway",
  },
} as const satisfies Slice;
