import { createRequire } from "node:module";

const load = createRequire(__filename);

/** The provider of keys and certificates, loaded by the modules that use it and by no other lab. */
export const tlsSdk = (): typeof import("@pulumi/tls") => load("@pulumi/tls");
