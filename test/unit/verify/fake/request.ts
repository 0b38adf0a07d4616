/** A request in the fake lab. */
export interface FakeRequest {
  method: string;
  /** Path with the query. */
  path: string;
  id: string;
  authority: string;
  headers?: Readonly<Record<string, string>>;
  /** Whether it is a gRPC call, which is refused with a gRPC status. */
  grpc?: true;
  /** Whether it is sent by HTTPS, through the gateway. */
  tls?: boolean;
}

/** The destination of a pod's request: a Service, or directly a pod behind it. */
export interface FakeTarget {
  to: "service" | "pod";
  service: string;
}

/** The result at the client; the status is 0 without an answer. */
export interface FakeAnswer {
  status: number;
  body: string;
  exit: number;
  seconds: number;
  error?: string;
  local?: string;
  location?: string;
}
