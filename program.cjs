// What the engine runs: index.ts by way of tsx, as the command line runs its own files. The SDK's ts-node would compile
// every file anew for each preview; tsx keeps what it has compiled (docs/decisions/0009).
"use strict";

const { dirname } = require("node:path");

/**
 * Puts off the loading of a package of the SDK until somebody reads something of it.
 * @param {string} name
 */
function loadLater(name) {
  const file = require.resolve(name, { paths: [dirname(require.resolve("@pulumi/pulumi"))] });
  if (require.cache[file]) return;
  let loaded;
  const load = () => {
    if (loaded === undefined) {
      delete require.cache[file];
      loaded = require(file);
    }
    return loaded;
  };
  const exports = new Proxy(
    {},
    {
      // The SDK's compiler asks this of every package, and takes one that says yes as it is.
      get: (_, key) => (key === "__esModule" ? true : load()[key]),
      has: (_, key) => key in load(),
    },
  );
  require.cache[file] = Object.assign(new module.constructor(file), { filename: file, loaded: true, exports });
}

// A compiler and npm's installer, with which the SDK packs functions for dynamic providers. The lab has none.
loadLater("typescript");
loadLater("@npmcli/arborist");

// The SDK's own source maps know nothing of what tsx compiles; Node.js maps the lines of a stack by itself.
delete Error.prepareStackTrace;
// Node.js 22 keeps what V8 has compiled; where it does not, the file is compiled each time.
require("node:module").enableCompileCache?.();
require("tsx/cjs");
module.exports = require("./index.ts");
