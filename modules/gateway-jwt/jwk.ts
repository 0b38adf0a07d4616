import { createHash, createPublicKey } from "node:crypto";

/** A public key of an elliptic curve as a JSON Web Key (RFC 7517). */
export interface PublicJwk {
  kty: string;
  crv: string;
  x: string;
  y: string;
  alg: "ES256";
  use: "sig";
  kid: string;
}

/**
 * The JWK of a key on the curve P-256. Its id is its thumbprint (RFC 7638), which anyone can compute from the key.
 *
 * @param pem public or private key
 * @throws TypeError for any other kind of key
 */
export function publicJwk(pem: string): PublicJwk {
  const { kty, crv, x, y } = createPublicKey(pem).export({ format: "jwk" });
  if (kty !== "EC" || crv !== "P-256" || !x || !y) throw new TypeError("The issuer's key is not on the curve P-256");
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  return { kty, crv, x, y, alg: "ES256", use: "sig", kid };
}
