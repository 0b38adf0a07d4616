import { generateKeyPairSync, randomUUID, sign } from "node:crypto";

/** An issuer of tokens: Envoy refuses a RequestAuthentication without a public key. */
export interface Issuer {
  /** The public key, as `jwks` of a RequestAuthentication. */
  jwks: string;
  /** Creates a token with these claims that is valid for an hour. */
  token(claims: Readonly<Record<string, unknown>>): string;
}

/** Creates an issuer with a new key. */
export function issuer(): Issuer {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const kid = randomUUID();
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    jwks: JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig" }] }),
    token: (claims) => {
      const exp = Math.floor(Date.now() / 1000) + 3600;
      const signed = `${part({ alg: "RS256", typ: "JWT", kid })}.${part({ ...claims, exp })}`;
      return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url")}`;
    },
  };
}
