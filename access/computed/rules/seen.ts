/** An identity of the mesh: the parts of a SPIFFE id. */
export interface Identity {
  trustDomain: string;
  namespace: string;
  serviceAccount: string;
}

/** An identity as AuthorizationPolicies write it, without its scheme. */
export const principalText = ({ trustDomain, namespace, serviceAccount }: Identity): string =>
  `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;

/** The parts of a request that a proxy reads as HTTP. */
export interface SeenHttp {
  method: string;
  /** As the proxy normalises it; unclear when that depends on settings that were not read. */
  path: string | { readonly unclear: string };
  /** Why a proxy cannot parse the request; it then applies no policy and no route. */
  malformed?: string;
  /** Host header, with its port when it has one. */
  host: string;
  headers: Readonly<Record<string, string>>;
  /** Claims of a token that the request carries, whether the proxy verifies it or not. */
  token?: Readonly<Record<string, unknown>>;
  /** Claims that the proxy has verified; absent without a token, or without a RequestAuthentication for it. */
  claims?: Readonly<Record<string, unknown>>;
}

/** The properties of a request to which a proxy applies policies. */
export interface Seen {
  /** The identity that the connection proves; absent for plain text. */
  identity?: Identity | undefined;
  /** The port that the request was sent to, as this proxy sees it. */
  port: number;
  /** Addresses that the request may have been sent to; absent when they are not known. */
  addresses?: readonly string[] | undefined;
  /** Absent where the proxy passes bytes on without reading them as HTTP. */
  http?: SeenHttp | undefined;
}
