import { readFile } from "node:fs/promises";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import type { LabFacts } from "../../experiments/types";
import { LabError, messageOf } from "../../host/errors";
import type { Handshake } from "../lab-client";
import type { Way } from "./http";

/** The HTTPS address and CA file in the lab's outputs. */
function tlsOf({ tls, stack }: LabFacts): NonNullable<LabFacts["tls"]> {
  if (tls) return tls;
  throw new LabError({
    what: `The outputs of lab "${stack}" name no way in by HTTPS`,
    why: "They were written before the stack had module gateway-tls",
    fix: `npm run up -- --stack ${stack}`,
  });
}

async function readCa(facts: LabFacts): Promise<string> {
  const { caFile } = tlsOf(facts);
  const { modules } = facts.settings;
  const without = modules.filter((module) => module !== "gateway-tls");
  try {
    return await readFile(caFile, "utf8");
  } catch (cause) {
    throw new LabError(
      {
        what: `Cannot read the CA of the gateway: ${messageOf(cause)}`,
        why: "Without it a client cannot verify the lab's gateway",
        fix: `npm run up -- --stack ${facts.stack} --config 'modules=[${without.join(", ")}]' && npm run up -- --stack ${facts.stack} --config 'modules=[${modules.join(", ")}]'   (writes it anew)`,
      },
      { cause },
    );
  }
}

/** Address and TLS options for HTTPS to the gateway, with the CA of the lab only. */
export async function secureWay(facts: LabFacts, host: string): Promise<Way> {
  const servername = host.replace(/:\d+$/, "");
  return { url: tlsOf(facts).url, options: { ca: await readCa(facts), servername, rejectUnauthorized: true } };
}

/** Makes a TLS handshake for a name. @returns the certificate, and whether it is trusted */
export async function handshake(
  facts: LabFacts,
  servername: string,
  trusting: "lab" | "public",
  signal: AbortSignal,
): Promise<Handshake> {
  const { hostname, port } = new URL(tlsOf(facts).url);
  const ca = trusting === "lab" ? { ca: await readCa(facts) } : {};
  // An untrusted certificate does not end the handshake: the check reports it.
  const socket = connect({ host: hostname, port: Number(port || 443), servername, ...ca, rejectUnauthorized: false });
  const stop = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () =>
        reject(Object.assign(new Error("the gateway closed the connection"), { code: "ECONNRESET" })),
      );
    });
    return shown(socket, socket.getPeerCertificate());
  } finally {
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
}

function shown(socket: TLSSocket, certificate: PeerCertificate): Handshake {
  const names = certificate.subjectaltname?.split(", ").map((name) => name.replace(/^DNS:/, "")) ?? [];
  return {
    ...(socket.authorized ? {} : { distrust: String(socket.authorizationError) }),
    names,
    issuer: String(certificate.issuer.CN),
    notBefore: Date.parse(certificate.valid_from),
    notAfter: Date.parse(certificate.valid_to),
    der: certificate.raw.toString("base64"),
  };
}
