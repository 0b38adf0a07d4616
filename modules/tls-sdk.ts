import { createRequire } from "node:module";

const load = createRequire(__filename);

/** The provider of keys and certificates, loaded only in a lab with a module that uses it. */
export const tlsSdk = (): typeof import("@pulumi/tls") => load("@pulumi/tls");
