/** One chain of HTTP filters of a proxy, with the routes and rules below it. */
export interface HttpChain {
  name: string;
  /** Short names in order, such as "rbac". */
  filters: readonly string[];
  rules: readonly string[];
  routes: readonly { match: string; target: string; note?: string }[];
}

const short = (filter: string): string => filter.replace(/^envoy\.filters\.http\./, "");

/** Reads the chains from the text that the evidence keeps; whatever else it holds is left to the text itself. */
export function httpChains(text: string): HttpChain[] {
  const chains: { name: string; filters: string[]; rules: string[]; routes: HttpChain["routes"][number][] }[] = [];
  let open = false;
  for (const line of text.split("\n")) {
    const head = /^http (.+?): (.+)$/.exec(line);
    if (head)
      chains.push({ name: head[1] ?? "", filters: (head[2] ?? "").split(" → ").map(short), rules: [], routes: [] });
    // Lines below a head belong to it until the next block begins.
    open = head !== null || (open && line.startsWith("  "));
    const chain = open ? chains.at(-1) : undefined;
    const rule = /^ {2}rbac (.+)$/.exec(line)?.[1];
    if (rule !== undefined) chain?.rules.push(rule);
    const [, match, target, note] = /^ {2}route (.+?) → (\S+)(?: \((.+)\))?$/.exec(line) ?? [];
    if (match !== undefined && target !== undefined) chain?.routes.push({ match, target, ...(note ? { note } : {}) });
  }
  return chains;
}

/** The chains that traffic of the lab takes: not those of probes and metrics. */
export const trafficChains = (text: string): HttpChain[] =>
  httpChains(text).filter(({ name }) => name.startsWith("inbound-vip"));
