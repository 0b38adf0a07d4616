import { claimPort } from "../../host/port-claims";

/** Claims one port after another for a cluster, `claim-ports.ts CLUSTER COUNT FIRST FOLDER`: the first free one of each ten. Prints the ports, and waits. */
const [cluster = "", count = "0", begin = "0", folder = ""] = process.argv.slice(2);
const claimed = Array.from({ length: Number(count) }, (_, index) => {
  const first = Number(begin) + index * 10;
  return Array.from({ length: 10 }, (_, next) => first + next).find((port) => claimPort(port, cluster, folder));
});
process.stdout.write(`${JSON.stringify(claimed)}\n`);
setInterval(() => undefined, 1000);
