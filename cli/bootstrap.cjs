#!/usr/bin/env node
// Syntax of Node.js 12: this file must be able to tell an old Node.js, or a checkout without packages, what to do.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node.js 12 does not know "node:"
"use strict";

const fs = require("fs");
const path = require("path");

const root = path.resolve(__dirname, "..");
const unfit = 4;

function giveUp(what, why, fix) {
  process.stderr.write(`✗ start\n    What  ${what}\n    Why   ${why}\n    Fix   ${fix}\n`);
  process.exit(unfit);
}

/** Names of the locked packages that are absent from node_modules, or there in another version. */
function missingPackages() {
  const locked = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")).packages;
  const names = Object.keys(locked).filter(Boolean);
  const hidden = path.join(root, "node_modules", ".package-lock.json");
  if (!fs.existsSync(hidden)) return names;
  const installed = JSON.parse(fs.readFileSync(hidden, "utf8")).packages;
  const absent = (name) => !installed[name] || installed[name].version !== locked[name].version;
  return names.flatMap((name) => {
    const { optional, dev, devOptional, peer, optionalDependencies } = locked[name];
    // Optional packages are those of other systems; development ones may have been left out on purpose.
    if (optional || dev || devOptional || peer) return [];
    if (absent(name)) return [name];
    const own = Object.keys(optionalDependencies || {})
      .map((each) => `node_modules/${each}`)
      .filter((each) => locked[each] && isOfThisSystem(locked[each]));
    // A checkout that another system installed its packages into: a container, WSL, a Mac with Rosetta.
    return own.filter(absent);
  });
}

/** Whether a package holds the compiled part of another one for this system. */
function isOfThisSystem({ os, cpu, libc }) {
  if (!os || !cpu || !os.includes(process.platform) || !cpu.includes(process.arch)) return false;
  return !libc || libc.includes(systemLibc());
}

let libc;
function systemLibc() {
  process.report.excludeNetwork = true;
  libc = libc || (process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl");
  return libc;
}

function install(missing) {
  const folder = path.join(root, "node_modules");
  const link = fs.existsSync(folder) && fs.lstatSync(folder).isSymbolicLink();
  if (link) {
    giveUp(
      `node_modules is a link to ${fs.realpathSync(folder)}, where ${missing.length} of the locked packages are missing`,
      '"npm ci" would delete all packages in that folder, and another checkout may use them',
      `rm '${folder.replace(/'/g, "'\\''")}' && npm ci`,
    );
  }
  process.stderr.write(`Installing the locked packages (${missing.length} missing) ...\n`);
  // Under "npm run" this is the very npm that runs; it needs no shell on any system. yarn and pnpm name themselves here.
  const npm = process.env.npm_execpath;
  const viaNode = npm && /[\\/]npm-cli\.c?js$/.test(npm);
  const args = ["ci", "--no-audit", "--no-fund"];
  const done = require("child_process").spawnSync(
    viaNode ? process.execPath : "npm",
    viaNode ? [npm].concat(args) : args,
    { cwd: root, stdio: ["ignore", 2, 2], shell: !viaNode && process.platform === "win32" },
  );
  if (done.status === 0) return;
  giveUp(
    `"npm ci" failed ${done.error ? `to start: ${done.error.message}` : `with exit code ${done.status}`}`,
    "The lab runs with the packages of package-lock.json and no others",
    "npm ci   (behind a proxy: npm config set proxy URL; with a mirror: npm config set registry URL)",
  );
}

const node = process.versions.node.split(".").map(Number);
if (node[0] < 24 && !(node[0] === 20 && node[1] >= 19) && !(node[0] === 22 && node[1] >= 13)) {
  giveUp(
    `This is Node.js ${process.versions.node}`,
    "The lab's packages run on Node.js ^20.19.0 || ^22.13.0 || >=24.0.0",
    "Install a newer Node.js 20 or 22, or 24 or later; .nvmrc names the version (nvm install)",
  );
}

const missing = missingPackages();
if (missing.length > 0) install(missing);

// Node.js 22 keeps what V8 has compiled, which is a fifth of the time that the command line takes to start.
const { enableCompileCache } = require("module");
if (enableCompileCache) enableCompileCache();

// Only --verbose prints stack traces. Node.js reads the source maps of all files that it loads, which takes a tenth of a start.
const traces = process.argv.includes("--verbose");
if (traces) process.setSourceMapsEnabled(true);

// swc by itself: @swc-node/register, which compiles the program, loads the TypeScript compiler for its settings.
const { transformSync } = require("@swc/core");
const options = {
  jsc: { parser: { syntax: "typescript" }, target: "es2022" },
  module: { type: "commonjs" },
  sourceMaps: traces && "inline",
  swcrc: false,
};
require("pirates").addHook((code, filename) => transformSync(code, Object.assign({ filename }, options)).code, {
  exts: [".ts"],
});

// In this very process: signals and the exit code need no forwarding, and a second start of Node.js takes its time.
require("./main.ts");
