import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** The server's side of the API server's WebSocket protocol, whose messages are a stream number and data. */
export interface Channel {
  send(stream: number, data: string | Buffer): void;
  onData(take: (stream: number, data: Buffer) => void): void;
  close(): void;
}

/** A server with the HTTP and WebSocket functions of an API server that the verifier uses. */
export async function apiServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  open: (url: string, channel: Channel) => void,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer(answer);
  const sockets = new Set<Duplex>();
  server.on("upgrade", (request, socket) => {
    sockets.add(socket);
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    const lines = [...head, `Sec-WebSocket-Accept: ${accept}`, "Sec-WebSocket-Protocol: v4.channel.k8s.io"];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    open(request.url ?? "", channelOf(socket));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((closed) => {
        for (const socket of sockets) socket.destroy();
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}

function channelOf(socket: Duplex): Channel {
  return {
    send: (stream, data) => socket.write(frame(2, Buffer.concat([Buffer.from([stream]), Buffer.from(data)]))),
    close: () => socket.end(frame(8, Buffer.alloc(0))),
    onData: (take) => {
      let rest = Buffer.alloc(0);
      socket.on("data", (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk]);
        for (let read = unframe(rest); read; read = unframe(rest)) {
          rest = read.rest;
          if (read.opcode === 2 || read.opcode === 1) take(read.payload[0] ?? 0, read.payload.subarray(1));
          if (read.opcode === 8) socket.end(frame(8, Buffer.alloc(0)));
        }
      });
    },
  };
}

function frame(opcode: number, payload: Buffer): Buffer {
  const size = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size]), payload]);
}

/** Parses a masked frame of a client of at most 64 KiB. */
function unframe(data: Buffer): { opcode: number; payload: Buffer; rest: Buffer<ArrayBuffer> } | undefined {
  const short = (data[1] ?? 0) & 127;
  const start = short === 126 ? 4 : 2;
  if (data.length < start + 4) return undefined;
  const length = short === 126 ? data.readUInt16BE(2) : short;
  if (data.length < start + 4 + length) return undefined;
  const mask = data.subarray(start, start + 4);
  const payload = Buffer.from(data.subarray(start + 4, start + 4 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
  return { opcode: (data[0] ?? 0) & 15, payload, rest: Buffer.from(data.subarray(start + 4 + length)) };
}
