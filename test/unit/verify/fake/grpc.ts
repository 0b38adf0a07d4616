import type { FakeAnswer, FakeRequest } from "./request";

const isCheck = ({ path }: Pick<FakeRequest, "path">): boolean => path.endsWith("/Check");

/** The log line of the health server about a call; agnhost logs nothing for a method that it does not implement. */
export const grpcLine = (request: FakeRequest): string =>
  isCheck(request)
    ? "2026/11/24 20:00:00 Serving the Check request for health check, started at 2026-11-24"
    : "2026/11/24 20:00:00 unimplemented";

/** The output of curl for a call: headers, message, trailers. A refusal has neither message nor trailers. */
export function grpcOutput({ status, body }: FakeAnswer, request: Pick<FakeRequest, "path">): string {
  const head = "HTTP/2 200 \r\ncontent-type: application/grpc\r\n";
  if (status === 403) return `${head}grpc-status: 7\r\ngrpc-message: ${encodeURIComponent(body)}\r\n\r\n`;
  if (status !== 200) return `${head}grpc-status: 14\r\n\r\n`;
  if (!isCheck(request)) return `${head}grpc-status: 12\r\n\r\n`;
  return `${head}\r\n\0\0\0\0\u0002\u0008\u0001grpc-status: 0\r\ngrpc-message: \r\n`;
}
