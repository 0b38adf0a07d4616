// What the engine runs: index.ts by way of tsx, as the command line runs its own files. The SDK's ts-node would compile
// every file anew for each preview; tsx keeps what it has compiled (docs/decisions/0008).
"use strict";

// The SDK's own source maps know nothing of what tsx compiles; Node.js maps the lines of a stack by itself.
delete Error.prepareStackTrace;
require("tsx/cjs");
module.exports = require("./index.ts");
