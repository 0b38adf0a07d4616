import { messageOf } from "../../host/errors";
import { bounded } from "../eventually";
import { textAt } from "../json";
import { type CheckRun, failed, listed, passed, unclear } from "./check";

/** Longest that a gateway may take to end a connection. */
const limitMs = 5_000;

/**
 * Only the listener's own name is answered: the certificate is shown to nobody who asks for another. A refusal is the
 * gateway's own end of the connection (it has no filter chain for the name, and closes); that nothing came in time, or
 * that nobody listens, is none.
 */
export const tlsSilence: CheckRun<"tls-silence"> = async ({ lab, signal, clock }, { name, host }) => {
  const expected = "the gateway ends the connection";
  try {
    const { names } = await bounded((limit) => lab.handshake(host, "lab", limit), limitMs, signal, clock);
    return [failed(name, "gateway", `a certificate for ${listed(names)}`, { expected })];
  } catch (error) {
    signal.throwIfAborted();
    const seen = `no handshake: ${messageOf(error)}`;
    const code = textAt(error, "code") ?? "";
    const ended = code === "ECONNRESET" || code.startsWith("ERR_SSL_");
    // Nobody there, or too slow: no answer at all, so that it is asked again.
    return [ended ? passed(name, "gateway", seen) : unclear(name, "client", seen, { expected })];
  }
};
