// What the engine runs: index.ts by way of tsx, as the command line runs its own files. The SDK's ts-node would compile
// every file anew for each preview; tsx keeps what it has compiled (docs/decisions/0009).
"use strict";

const Module = require("node:module");
const { dirname, sep } = require("node:path");

const packages = `${sep}node_modules${sep}`;

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
// What runs Pulumi from within a program. The lab's command line starts it by itself.
loadLater("@pulumi/pulumi/automation");

// The SDK's own source maps know nothing of what tsx compiles; Node.js maps the lines of a stack by itself.
delete Error.prepareStackTrace;
// Node.js 22 keeps what V8 has compiled; where it does not, the file is compiled each time.
Module.enableCompileCache?.();

// tsx is for the lab's files alone. It would look into each of hundreds of files of packages, and with source maps switched
// on for it Node.js would read those of the SDKs, which are larger than the files.
const ofNode = { load: Module._extensions[".js"], resolve: Module._resolveFilename };
require("tsx/cjs");
const ofTsx = { load: Module._extensions[".js"], resolve: Module._resolveFilename };
const isPackaged = (file) => file.includes(packages);

Module._extensions[".js"] = (loading, file) => {
  if (!isPackaged(file)) return ofTsx.load(loading, file);
  process.setSourceMapsEnabled(false);
  try {
    return ofNode.load(loading, file);
  } catch (error) {
    // An ES module, which Node.js 20 does not require.
    if (error.code !== "ERR_REQUIRE_ESM") throw error;
    return ofTsx.load(loading, file);
  } finally {
    process.setSourceMapsEnabled(true);
  }
};
Module._resolveFilename = function (request, parent, ...rest) {
  const resolve = parent?.filename && isPackaged(parent.filename) ? ofNode.resolve : ofTsx.resolve;
  return resolve.call(this, request, parent, ...rest);
};

module.exports = require("./index.ts");
