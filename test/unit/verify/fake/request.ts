/** A request in the fake lab. */
export interface FakeRequest {
  method: string;
  /** With its query. */
  path: string;
  id: string;
  authority: string;
  headers?: Readonly<Record<string, string>>;
  /** A call by gRPC, which is refused by a status of its own. */
  grpc?: true;
  /** By HTTPS, through the gateway. */
  tls?: boolean;
}

/** Where a request of a pod goes: to a Service, or straight to a pod behind it. */
export interface FakeTarget {
  to: "service" | "pod";
  service: string;
}

/** What the client gets. Status 0: no answer. */
export interface FakeAnswer {
  status: number;
  body: string;
  exit: number;
  seconds: number;
  error?: string;
  local?: string;
  location?: string;
}
