/** A TCP segment of a capture. */
export interface Packet {
  /** Such as "10.244.1.5". */
  from: string;
  fromPort: number;
  to: string;
  toPort: number;
  /** The payload of the segment, up to the captured length. */
  payload: Buffer;
}

/** Little and big endian, with time stamps in micro- and in nanoseconds (pcap-savefile(5)). */
const magics: Readonly<Record<number, "LE" | "BE">> = {
  2712847316: "BE",
  2712812621: "BE",
  3569595041: "LE",
  1295823521: "LE",
};
/** Lengths of the headers before IP by link type: all interfaces of a node ("cooked", version 1 and 2), and Ethernet. */
const linkHeaders: Readonly<Record<number, { length: number; protocolAt: number }>> = {
  276: { length: 20, protocolAt: 0 },
  113: { length: 16, protocolAt: 14 },
  1: { length: 14, protocolAt: 12 },
};
const fileHeader = 24;
const packetHeader = 16;
const ipv4 = 0x0800;
const ipv6 = 0x86dd;
const tcp = 6;

/**
 * The TCP segments of a capture file.
 * @throws Error for another kind of file, and for an unknown link type
 */
export function parsePcap(bytes: Uint8Array): Packet[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = file.length >= fileHeader ? magics[file.readUInt32BE(0)] : undefined;
  if (!order) throw new Error(`no capture: ${file.length} bytes`);
  const number = (at: number) => (order === "LE" ? file.readUInt32LE(at) : file.readUInt32BE(at));
  // The upper bits of the field are about frame check sequences.
  const type = number(20) & 0x0fff_ffff;
  const link = linkHeaders[type];
  if (!link) throw new Error(`capture of link type ${type}`);
  const packets: Packet[] = [];
  let at = fileHeader;
  while (at + packetHeader <= file.length) {
    const end = at + packetHeader + number(at + 8);
    // The file ends within the packet.
    if (end > file.length) break;
    const frame = file.subarray(at + packetHeader, end);
    at = end;
    if (frame.length < link.length) continue;
    const protocol = frame.readUInt16BE(link.protocolAt);
    if (protocol === ipv4) packets.push(...segmentOf(frame.subarray(link.length)));
    if (protocol === ipv6) packets.push(...segmentOf6(frame.subarray(link.length)));
  }
  return packets;
}

function segmentOf(ip: Buffer): Packet[] {
  const header = ((ip[0] ?? 0) & 0x0f) * 4;
  if (header < 20 || ip.length < header + 20 || ip[9] !== tcp) return [];
  // Shorter packets are padded by the link.
  const segment = ip.subarray(header, Math.min(ip.readUInt16BE(2) || ip.length, ip.length));
  const address = (offset: number) => [...ip.subarray(offset, offset + 4)].join(".");
  return packetOf(segment, address(12), address(16));
}

/** A segment over IPv6; pods send none with extension headers. */
function segmentOf6(ip: Buffer): Packet[] {
  const header = 40;
  if (ip.length < header + 20 || ip[6] !== tcp) return [];
  const segment = ip.subarray(header, Math.min(header + (ip.readUInt16BE(4) || ip.length), ip.length));
  return packetOf(segment, addressOf6(ip.subarray(8, 24)), addressOf6(ip.subarray(24, 40)));
}

/** The shortest form of an address, as Kubernetes has it. */
function addressOf6(bytes: Buffer): string {
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return new URL(`http://[${words.join(":")}]`).hostname.slice(1, -1);
}

function packetOf(segment: Buffer, from: string, to: string): Packet[] {
  if (segment.length < 20) return [];
  const data = ((segment[12] ?? 0) >> 4) * 4;
  const [fromPort, toPort] = [segment.readUInt16BE(0), segment.readUInt16BE(2)];
  return [{ ...{ from, fromPort, to, toPort }, payload: segment.subarray(data) }];
}

/** Whether a segment begins with a record of TLS: handshake, alert, data or change of cipher, of version 3.x. */
export const isTls = ({ payload }: Packet): boolean =>
  payload.length >= 3 && (payload[0] ?? 0) >= 0x14 && (payload[0] ?? 0) <= 0x17 && payload[1] === 3;
