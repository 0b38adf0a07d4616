import { run } from "../../cli/run";
import { processIo } from "../../cli/terminal/process-io";

/** Runs the real command line in a given checkout: `lab-in.ts ROOT ARGUMENT...`. */
const [root = "", ...args] = process.argv.slice(2);
void run(args, { ...processIo(), root }).then((code) => {
  process.exitCode = code;
});
