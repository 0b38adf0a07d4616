/** What a caller saw of a call by gRPC. */
export interface GrpcAnswer {
  /** Status of HTTP; 0 when there was no answer. */
  http: number;
  /** Status of gRPC, from the trailers or, where there is no message, from the headers; undefined without one. */
  code?: number;
  message: string;
  /** Whether the answer says that the service serves (field 1 of a HealthCheckResponse is 1). */
  serving: boolean;
}

/**
 * A command that calls a method with an empty message: a byte for "not compressed", and four for a length of nothing.
 * An argument cannot hold a zero, so that the shell's printf writes them.
 */
export function grpcArguments(call: { url: string; id: string; timeoutMs: number }): string[] {
  return [
    ...["sh", "-c", "printf '\\000\\000\\000\\000\\000' | curl \"$@\"", "curl"],
    ...["--silent", "--show-error", "--include", "--http2-prior-knowledge", "--data-binary", "@-"],
    ...["--max-time", String(call.timeoutMs / 1000)],
    ...["--header", "content-type: application/grpc", "--header", "te: trailers"],
    // A query would be part of the method's name: the id travels where proxies write it down.
    ...["--header", `x-request-id: ${call.id}`, "--user-agent", `probe=${call.id}`],
    call.url,
  ];
}

/** A message without its percent-encoding; as it is where that is broken, as gRPC demands (PROTOCOL-HTTP2.md, Status-Message). */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** Reads what curl wrote: headers, message and trailers in one stream. */
export function parseGrpc(stdout: string): GrpcAnswer {
  // Trailers follow the message without a break between them.
  const field = (name: string) => new RegExp(`${name}: *(.*?)\\r?$`, "im").exec(stdout)?.[1];
  const code = /^\d+$/.exec(field("grpc-status") ?? "")?.[0];
  return {
    http: Number(/^HTTP\/2 (\d{3})/.exec(stdout)?.[1] ?? 0),
    ...(code === undefined ? {} : { code: Number(code) }),
    message: decoded(field("grpc-message") ?? ""),
    serving: stdout.includes("\u0000\u0000\u0000\u0000\u0002\u0008\u0001"),
  };
}
