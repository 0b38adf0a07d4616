import { processIo } from "../../cli/terminal/process-io";
import { bench } from "./command";

void bench(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code;
});
