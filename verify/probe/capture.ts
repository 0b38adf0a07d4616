import { randomUUID } from "node:crypto";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import type { LabPod } from "../pods";
import { unobservable } from "../precondition-error";

/** Bytes of each packet that are captured: enough for a request of the lab with its headers. */
const snapBytes = 512;
/** Packets after which a capture ends, so that its file is at most 2 MB. */
const mostPackets = 4_000;
/** Seconds after which the capture ends, also when the verifier was killed. */
const longestSeconds = 60;
const startMs = 10_000;
/** Time for the packets of the last answer to arrive. */
const lastMs = 1_000;

/** Captures on all interfaces of the node until it gets a signal, and writes the capture to stdout. */
const listen = [
  `tcpdump -i any -y LINUX_SLL2 -n -p -U -Z root -s ${snapBytes} -c ${mostPackets} -w "$1.pcap" "$2" 2>"$1.log" & dump=$!`,
  'echo $dump >"$1.pid"',
  `(sleep ${longestSeconds}; kill $dump) >/dev/null 2>&1 & guard=$!`,
  "wait $dump",
  "kill $guard 2>/dev/null",
  'cat "$1.pcap"; : >"$1.pcap"',
].join("\n");
const captureLog = 'cat "$1.log"';
const stop = 'read dump <"$1.pid"; kill $dump';

/**
 * Captures packets on a node during `work`.
 *
 * @param filter selects packets (pcap-filter(7))
 * @returns the capture file
 * @throws PreconditionError when tcpdump fails
 */
export async function captured(
  context: VerifyContext,
  sniffer: LabPod,
  filter: string,
  work: () => Promise<void>,
): Promise<Uint8Array> {
  const { lab, clock } = context;
  // A name of its own, so that files of earlier runs are not read.
  const file = `/tmp/${randomUUID()}`;
  const blind = (why: string, cause?: unknown) =>
    unobservable("nodes", `nothing can be captured on ${sniffer.node}: ${why}`, cause);
  const shell = (script: string, signal: AbortSignal, ...more: string[]) =>
    lab.exec(sniffer, ["sh", "-c", script, "capture", file, ...more], 10_000, signal);
  const limit = (longestSeconds + 20) * 1000;
  const running = lab.exec(sniffer, ["sh", "-c", listen, "capture", file, filter], limit, context.signal);
  // The promise is awaited below; until then its end is only recorded.
  let over: string | undefined;
  running.then(
    ({ code, stderr }) => {
      over = `tcpdump ended (exit ${code}): ${stderr.trim()}`;
    },
    (error: unknown) => {
      over = messageOf(error);
    },
  );
  try {
    await eventually(
      async (signal) => {
        const { stdout } = await shell(captureLog, signal);
        if (over === undefined && !stdout.includes("listening on"))
          throw new Error(stdout.trim() || "no output of tcpdump");
      },
      { what: "tcpdump to listen", deadlineMs: startMs, signal: context.signal, clock },
    ).catch((error: unknown) => {
      context.signal.throwIfAborted();
      throw blind(messageOf(error), error);
    });
    if (over !== undefined) throw blind(over);
    await work();
    await clock.sleep(lastMs, context.signal);
  } finally {
    // On a signal of its own, so that an interrupted run stops the capture as well.
    await shell(stop, new AbortController().signal).catch(() => undefined);
  }
  const { bytes, code, stderr } = await running;
  if (!bytes || bytes.length === 0) throw blind(`tcpdump left nothing (exit ${code}): ${stderr.trim()}`);
  return bytes;
}
