import { describe, expect, test } from "vitest";
import { grpcArguments, parseGrpc } from "../../../verify/probe/grpc-call";

const head = "HTTP/2 200 \r\ncontent-type: application/grpc\r\n";

describe("parseGrpc()", () => {
  test("finds the trailers right behind the message, as curl writes them", () => {
    const stdout = `${head}\r\n\0\0\0\0\u0002\u0008\u0001grpc-status: 0\r\ngrpc-message: \r\n`;
    expect(parseGrpc(stdout)).toEqual({ http: 200, code: 0, message: "", serving: true });
  });

  test("reads a refusal from the headers", () => {
    const stdout = `${head}grpc-status: 7\r\ngrpc-message: RBAC: access denied\r\nserver: istio-envoy\r\n\r\n`;
    expect(parseGrpc(stdout)).toEqual({ http: 200, code: 7, message: "RBAC: access denied", serving: false });
  });

  test("NOT_SERVING is no SERVING", () => {
    expect(parseGrpc(`${head}\r\n\0\0\0\0\u0002\u0008\u0002grpc-status: 0\r\n`).serving).toBe(false);
  });

  test("has no status without an answer", () => {
    expect(parseGrpc("")).toEqual({ http: 0, message: "", serving: false });
    expect(parseGrpc("HTTP/1.1 403 Forbidden\r\n\r\nRBAC: access denied")).not.toHaveProperty("code");
  });
});

test("grpcArguments() sends the id where a proxy writes it down, and not in the method's name", () => {
  const command = grpcArguments({ url: "http://grpc:8000/a.B/C", id: "1-2", timeoutMs: 5_000 });
  expect(command.at(-1)).toBe("http://grpc:8000/a.B/C");
  expect(command).toEqual(expect.arrayContaining(["x-request-id: 1-2", "probe=1-2", "--http2-prior-knowledge"]));
});
