import { objects } from "../../experiments/objects";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { bounded, TimeLimitError } from "../eventually";
import { textAt } from "../json";
import type { Handshake } from "../lab-client";
import type { Finding } from "../report/schema";
import { type CheckRun, type Detail, failed, listed, passed, unclear } from "./check";

const dayMs = 86_400_000;

/** Errors of a client that does not trust the CA of the certificate. */
const unknownAuthority = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_GET_ISSUER_CERT",
];

/** Compares the certificate that the gateway serves with the CA, the host and the Secret. */
export const tlsCertificate: CheckRun<"tls-certificate"> = async (context, detail) => {
  const { host, name } = detail;
  let served: Handshake;
  try {
    served = await context.lab.handshake(host, "lab", context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    return [withoutHandshake(name, `no handshake for ${host}`, error, "a certificate")];
  }
  const findings = [trust(context, detail, served), expiry(context, detail, served)];
  return [...findings, ...(await Promise.all([control(context, detail), same(context, detail, served)]))];
};

/** The finding about a failed handshake; a timeout proves nothing about the certificate. */
function withoutHandshake(name: string, what: string, error: unknown, expected: string): Finding {
  const seen = `${what}: ${messageOf(error)}`;
  return error instanceof TimeLimitError
    ? unclear(name, "client", seen, { expected })
    : failed(name, "gateway", seen, { expected });
}

const described = ({ names, issuer, notBefore, notAfter }: Handshake): string[] => [
  `names: ${listed(names)}`,
  `issuer: ${issuer}`,
  `valid: ${new Date(notBefore).toISOString()} to ${new Date(notAfter).toISOString()}`,
];

/** Chain, name and dates, as the TLS client judges them. */
function trust({ facts }: VerifyContext, { host }: Detail<"tls-certificate">, served: Handshake): Finding {
  const name = `the lab's CA vouches for ${host}`;
  const evidence = [{ source: "certificate", lines: described(served) }];
  const expected = `a certificate for ${host} that ${facts.tls?.caFile ?? "the lab's CA"} vouches for`;
  const fail = (seen: string) => failed(name, "gateway", seen, { expected, evidence });
  if (served.distrust) return fail(`not trusted: ${served.distrust}`);
  if (!served.names.includes(host)) return fail(`the certificate is for ${listed(served.names)}`);
  return passed(name, "gateway", `trusted, for ${listed(served.names)}, issued by ${served.issuer}`, { evidence });
}

function expiry({ clock }: VerifyContext, { leastDays }: Detail<"tls-certificate">, { notAfter }: Handshake): Finding {
  const name = `the certificate holds for ${leastDays} days and more`;
  const days = Math.floor((notAfter - clock.now()) / dayMs);
  const seen = `${days} days left, until ${new Date(notAfter).toISOString()}`;
  if (days >= leastDays) return passed(name, "gateway", seen);
  return failed(name, "gateway", seen, { expected: `at least ${leastDays} days (npm run up makes another)` });
}

/** The control: a client with only the CAs of this machine must not trust the certificate. */
async function control({ lab, signal }: VerifyContext, { host }: Detail<"tls-certificate">): Promise<Finding> {
  const name = "a client without the lab's CA does not trust it";
  const expected = "not trusted, because the CA is unknown";
  try {
    const { distrust } = await lab.handshake(host, "public", signal);
    if (distrust && unknownAuthority.includes(distrust)) return passed(name, "client", `not trusted: ${distrust}`);
    return failed(name, "client", distrust ? `not trusted, for another reason: ${distrust}` : "trusted", { expected });
  } catch (error) {
    signal.throwIfAborted();
    return withoutHandshake(name, "no handshake", error, expected);
  }
}

async function same(
  context: VerifyContext,
  { secret }: Detail<"tls-certificate">,
  { der }: Handshake,
): Promise<Finding> {
  const name = `it is the certificate of ${secret}`;
  const { layer, ...ref } = objects[secret];
  const found = await context.lab.read(ref, context.signal);
  if (!found) return failed(name, layer, `${secret} does not exist`, { expected: "the certificate that is served" });
  const pem = Buffer.from(textAt(found, "data", "tls.crt") ?? "", "base64").toString("utf8");
  const body = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/.exec(pem)?.[1]?.replace(/\s/g, "");
  if (body === der) return passed(name, layer, "identical");
  return failed(name, layer, body ? "the gateway serves another certificate" : `${secret} has no certificate`, {
    expected: "the same",
  });
}

/** Longest time until the gateway closes a connection, in milliseconds. */
const closeMs = 5_000;

/**
 * Verifies that the gateway refuses the handshake for a name without a listener: it has no filter chain for the name, and closes
 * the connection. A timeout, or a port without a listener, is not a refusal.
 */
export const tlsRefused: CheckRun<"tls-refused"> = async ({ lab, signal, clock }, { name, host }) => {
  const expected = "the gateway closes the connection";
  try {
    const { names } = await bounded((limit) => lab.handshake(host, "lab", limit), closeMs, signal, clock);
    return [failed(name, "gateway", `a certificate for ${listed(names)}`, { expected })];
  } catch (error) {
    signal.throwIfAborted();
    const seen = `no handshake: ${messageOf(error)}`;
    const code = textAt(error, "code") ?? "";
    const ended = code === "ECONNRESET" || code.startsWith("ERR_SSL_");
    return [ended ? passed(name, "gateway", seen) : unclear(name, "client", seen, { expected })];
  }
};
