/** A request in the fake lab. */
export interface FakeRequest {
  method: string;
  /** With its query. */
  path: string;
  id: string;
  authority: string;
}

/** What the client gets. Status 0: no answer. */
export interface FakeAnswer {
  status: number;
  body: string;
  exit: number;
  seconds: number;
  error?: string;
  local?: string;
}
