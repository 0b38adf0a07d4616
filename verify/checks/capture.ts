import { randomUUID } from "node:crypto";
import { appNamespace, ports } from "../../config/vocabulary";
import { hostOf } from "../../experiments/names";
import { kubectlOf } from "../../host/paths";
import type { VerifyContext } from "../context";
import { listAt, textAt } from "../json";
import { hostPort, type LabPod } from "../pods";
import { unobservable } from "../precondition-error";
import { captured } from "../probe/capture";
import { curlManyArguments, parseCurlMany } from "../probe/curl";
import { isTls, type Packet, parsePcap } from "../probe/pcap";
import { requestLimit } from "../probe/send";
import type { Evidence } from "../report/schema";
import { type CheckRun, failed, passed, skipped, unclear } from "./check";

const attachment = "strict-mtls.pcap";

interface CapturePods {
  appa: LabPod;
  appf: LabPod;
  appg: LabPod;
  /** Pod on appa's node and outside the mesh, which sends the control. */
  sender: LabPod;
  /** Pod on the node of appf and appg, which captures the packets. */
  sniffer: LabPod;
}

/**
 * Sends the same request between the same nodes twice: from appa to appf through the mesh, and in plain text from appa's node to
 * appg. The plain-text request is the control: a capture without it proves nothing about the first request.
 */
export const capture: CheckRun<"capture"> = async (context, { name, count }) => {
  const pods = await capturePods(context);
  if (typeof pods === "string") return [skipped(name, "nodes", pods)];
  const { appa, appf, appg, sniffer, sender } = pods;
  const marker = randomUUID();
  const filter = `tcp and ((host ${appa.ip} and host ${appf.ip}) or (host ${appg.ip} and port ${ports.container}))`;
  let answered = { mesh: 0, plain: 0 };
  const bytes = await captured(context, sniffer, filter, async () => {
    const mesh = await sent(context, appa, `http://${hostOf("appf")}:${ports.service}`, marker, count);
    answered = {
      mesh,
      plain: await sent(context, sender, `http://${hostPort(appg.ip, ports.container)}`, marker, count),
    };
  });
  context.attachments.set(attachment, {
    about: `the packets that were captured on ${sniffer.node}, for Wireshark or tcpdump`,
    bytes,
  });
  const packets = packetsOf(bytes);
  const meshed = packets.filter(between(appa.ip, appf.ip));
  const tunnel = meshed.filter(({ fromPort, toPort }) => fromPort === ports.hbone || toPort === ports.hbone);
  const bare = meshed.filter((packet) => !tunnel.includes(packet));
  const readable = meshed.filter(holds(marker));
  const plain = packets.filter(({ to, toPort }) => to === appg.ip && toPort === ports.container).filter(holds(marker));
  // A packet is captured once for each interface; connections are counted once.
  const control = new Set(plain.map(({ from, fromPort }) => `${from}:${fromPort}`)).size;
  const encrypted = tunnel.filter(isTls);
  const seen = `${appa.node} → ${appf.node}: ${tunnel.length} packets of port ${ports.hbone}, ${encrypted.length} of them begin a TLS record; ${bare.length} of another port, ${readable.length} with the marker; in plain text to appg it is in ${control} of ${count} requests`;
  const expected = `packets of port ${ports.hbone} alone, none with the marker; and the marker in ${count} requests to appg`;
  const more = { expected, evidence: evidenceOf(pods, marker, filter, packets) };
  if (answered.mesh !== count)
    return [failed(name, "app", `appf answered ${answered.mesh} of ${count}; ${seen}`, more)];
  if (bare.length > 0 || readable.length > 0) return [failed(name, "ztunnel", seen, more)];
  // A capture without the plain-text requests proves nothing.
  if (answered.plain !== count || control < count) {
    const reason = `appg answered ${answered.plain} of ${count} in plain text; ${seen}`;
    return [unclear(name, "nodes", reason, more)];
  }
  if (tunnel.length === 0 || encrypted.length === 0) return [unclear(name, "nodes", seen, more)];
  return [passed(name, "ztunnel", seen, { evidence: more.evidence })];
};

/** The pods, or the reason why the experiment is skipped. */
async function capturePods({ facts, podFinder, lab, signal }: VerifyContext): Promise<CapturePods | string> {
  const [appa, appf, appg] = await Promise.all([
    podFinder.one("appa", signal),
    podFinder.one("appf", signal),
    podFinder.one("appg", signal),
  ]);
  const nodes = await lab.list({ apiVersion: "v1", kind: "Node" }, signal);
  const open = nodes.filter(
    (node) => !listAt(node, "spec", "taints").some((taint) => /^No/.test(textAt(taint, "effect") ?? "")),
  );
  if (open.length < 2) return "there is one node for all applications: nothing is sent between two of them";
  if (appa.node === appf.node || appf.node !== appg.node) {
    const where = `appa is on ${appa.node}, appf on ${appf.node}, appg on ${appg.node}`;
    const fix = `${kubectlOf(facts)} -n ${appNamespace} rollout restart deployment/appf deployment/appg`;
    throw unobservable("nodes", `${where}: appf and appg belong on one other node (${fix})`);
  }
  const sniffers = (await podFinder.all("sniffer", signal)).filter(({ ready }) => ready);
  const on = (node: string) => {
    const found = sniffers.find((pod) => pod.node === node);
    if (!found) throw unobservable("nodes", `no ready sniffer on ${node}`);
    return found;
  };
  return { appa, appf, appg, sender: on(appa.node), sniffer: on(appf.node) };
}

/** Sends requests with the marker in path and header. @returns the number of requests that the application answered */
async function sent(
  context: VerifyContext,
  from: LabPod,
  base: string,
  marker: string,
  count: number,
): Promise<number> {
  const timeoutMs = requestLimit(context);
  const command = curlManyArguments({
    ...{ method: "GET", url: `${base}/anything/${marker}?probe=${marker}`, headers: { "x-marker": marker } },
    ...{ count, parallel: 1, timeoutMs },
  });
  const { stdout } = await context.lab.exec(from, command, timeoutMs * count + 10_000, context.signal);
  return parseCurlMany(stdout).filter(({ status }) => status === 200).length;
}

function packetsOf(bytes: Uint8Array): Packet[] {
  try {
    return parsePcap(bytes);
  } catch (cause) {
    throw unobservable("nodes", "tcpdump's file cannot be read", cause);
  }
}

const between = (a: string, b: string) => (packet: Packet) =>
  (packet.from === a && packet.to === b) || (packet.from === b && packet.to === a);

const holds =
  (marker: string) =>
  ({ payload }: Packet) =>
    payload.includes(marker);

/** The packets with a payload as lines, each with length and kind. */
function evidenceOf(
  { sniffer, appa, appf }: CapturePods,
  marker: string,
  filter: string,
  packets: readonly Packet[],
): Evidence[] {
  const lines = packets
    .filter(({ payload }) => payload.length > 0)
    .map((packet) => {
      const { from, fromPort, to, toPort, payload } = packet;
      const kind = holds(marker)(packet) ? "marker" : isTls(packet) ? "TLS" : "other";
      return `${from}:${fromPort} > ${to}:${toPort} ${payload.length} bytes ${kind}`;
    });
  const about = [`marker ${marker}`, `filter ${filter}`, `appa ${appa.ip}, appf ${appf.ip}`, `file ${attachment}`];
  return [{ source: `capture on ${sniffer.node}`, lines: [...about, ...lines.slice(0, 100)] }];
}
