import type { Method } from "../config/vocabulary";
import type { Client, LabObject, ServiceName } from "./slices";

/** The expected result of a request, and the layer that decides it. */
export type Expectation =
  | {
      outcome: "answered";
      /** Proxies that must have a record of the request. */
      through: readonly ("gateway" | "waypoint")[];
    }
  | {
      outcome: "refused";
      by: "waypoint" | "gateway";
      status: 401 | 403 | 404;
      policy?: LabObject;
      /** Part of the reason in the log of the layer. */
      because?: string;
    }
  | {
      outcome: "redirected";
      by: "gateway";
      status: 301;
      /** Scheme, host and port of the redirect. The path stays the same. */
      to: string;
    }
  | { outcome: "reset"; by: "ztunnel"; policy: LabObject };

/** One request and its expected result. */
export interface Probe {
  kind: "probe";
  /** The expected state, as a statement. */
  name: string;
  from: Client;
  /** `service` is the Service and port 8000, `pod` the address of a pod behind it and port 8080, `gateway` the lab's URL. */
  to: "service" | "pod" | "gateway";
  /** @default "appb" */
  service?: ServiceName;
  method: Method;
  path: string;
  /** Host header for the gateway. @default appb.DOMAIN */
  host?: string;
  /** Use HTTPS and trust only the CA of the lab. Only for requests to the gateway. */
  tls?: true;
  /** Bearer token. Only for requests to the gateway. */
  token?: TokenSpec;
  expect: Expectation;
}

/** The token of a request. Absent fields have the values that the gateway requires. */
export interface TokenSpec {
  claims: Readonly<Record<string, unknown>>;
  /** Seconds from now to its expiry; negative for an expired token. */
  seconds: number;
  issuer?: string;
  audience?: string;
  /** `foreign`: signed by another key, with the id of the issuer's; `altered`: claims changed after signing; `garbage`: no token. */
  forgery?: "foreign" | "altered" | "garbage";
}

/** A number of equal requests that are sent in parallel. */
export interface Sample {
  from: Client;
  method: Method;
  path: string;
  count: number;
  /** Service that a pod sends to; this machine sends to the gateway. @default "appb" */
  service?: ServiceName;
  headers?: Readonly<Record<string, string>>;
}
