import { messageOf } from "../../host/errors";
import { bounded } from "../eventually";
import { textAt } from "../json";
import { type CheckRun, failed, listed, passed, unclear } from "./check";

/** Longest time that the gateway may take to close a connection. */
const limitMs = 5_000;

/**
 * The gateway refuses the handshake for a name that no listener has: it has no filter chain for the name, and closes the
 * connection. A time-out, or a port on which nothing listens, is no refusal.
 */
export const tlsRefused: CheckRun<"tls-refused"> = async ({ lab, signal, clock }, { name, host }) => {
  const expected = "the gateway ends the connection";
  try {
    const { names } = await bounded((limit) => lab.handshake(host, "lab", limit), limitMs, signal, clock);
    return [failed(name, "gateway", `a certificate for ${listed(names)}`, { expected })];
  } catch (error) {
    signal.throwIfAborted();
    const seen = `no handshake: ${messageOf(error)}`;
    const code = textAt(error, "code") ?? "";
    const ended = code === "ECONNRESET" || code.startsWith("ERR_SSL_");
    // A time-out or a refused connection says nothing about the name.
    return [ended ? passed(name, "gateway", seen) : unclear(name, "client", seen, { expected })];
  }
};
