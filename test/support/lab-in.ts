import { run } from "../../cli/run";
import { processIo } from "../../cli/terminal/process-io";

/** The real command line on a checkout of the caller: `lab-in.ts ROOT ARGUMENT...`. */
const [root = "", ...args] = process.argv.slice(2);
void run(args, { ...processIo(), root }).then((code) => {
  process.exitCode = code;
});
