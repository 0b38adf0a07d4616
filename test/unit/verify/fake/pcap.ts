/** A TCP segment in the fake lab. */
export interface FakePacket {
  from: string;
  fromPort: number;
  to: string;
  toPort: number;
  payload: Buffer;
}

/** The format of a capture file. */
export interface PcapStyle {
  bigEndian?: boolean;
  /** Link type: 276 all interfaces (the default), 113 the same in its first version, 1 Ethernet. */
  link?: 276 | 113 | 1;
}

/** A capture file in the format of tcpdump. */
export function pcapOf(packets: readonly FakePacket[], { bigEndian = false, link = 276 }: PcapStyle = {}): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (bigEndian) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const version = bigEndian ? Buffer.from([0, 2, 0, 4]) : Buffer.from([2, 0, 4, 0]);
  const head = Buffer.concat([number(0xa1b2c3d4), version, number(0), number(0), number(512), number(link)]);
  const frames = packets.map((packet) => {
    const six = packet.from.includes(":");
    return Buffer.concat([linkHeader(link, six ? 0x86dd : 0x0800), six ? ipv6(packet) : ipv4(packet)]);
  });
  const records = frames.map((frame) =>
    Buffer.concat([number(1_790_000_000), number(0), number(frame.length), number(frame.length), frame]),
  );
  return Buffer.concat([head, ...records]);
}

function linkHeader(link: 276 | 113 | 1, protocol: number): Buffer {
  const header = Buffer.alloc({ 276: 20, 113: 16, 1: 14 }[link]);
  header.writeUInt16BE(protocol, { 276: 0, 113: 14, 1: 12 }[link]);
  return header;
}

/** RFC 8200: version, payload length, next header, addresses. */
function ipv6(packet: FakePacket): Buffer {
  const ip = Buffer.alloc(40);
  ip[0] = 0x60;
  ip[6] = 6;
  ip.writeUInt16BE(20 + packet.payload.length, 4);
  bytesOf6(packet.from).copy(ip, 8);
  bytesOf6(packet.to).copy(ip, 24);
  return Buffer.concat([ip, tcp(packet)]);
}

function bytesOf6(address: string): Buffer {
  const [head = [], tail = []] = address.split("::").map((part) => part.split(":").filter(Boolean));
  const words = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail];
  return Buffer.from(words.map((word) => word.padStart(4, "0")).join(""), "hex");
}

function ipv4(packet: FakePacket): Buffer {
  const { from, to, payload } = packet;
  const ip = Buffer.alloc(20);
  ip[0] = 0x45;
  ip[9] = 6;
  ip.writeUInt16BE(40 + payload.length, 2);
  Buffer.from(from.split(".").map(Number)).copy(ip, 12);
  Buffer.from(to.split(".").map(Number)).copy(ip, 16);
  return Buffer.concat([ip, tcp(packet)]);
}

function tcp({ fromPort, toPort, payload }: FakePacket): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(fromPort, 0);
  header.writeUInt16BE(toPort, 2);
  header[12] = 0x50;
  return Buffer.concat([header, payload]);
}
