import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Document, isMap, isScalar, parse, parseDocument, Scalar, type YAMLMap } from "yaml";
import { parseConfig } from "../../config/load";
import type { LabConfig } from "../../config/schema";
import { UsageError } from "../../host/errors";
import { type GatewayPorts, portKeys } from "../../host/ports";
import { shellWord } from "../../host/shell";
import { writeWhole } from "../../host/write-file";
import { project } from "./stack-name";

const madeByUs = ' Made by "npm run up"; "npm run destroy" removes it while it holds nothing else.';
const chosenByUs = ' chosen by "npm run up": the stack\'s own port was taken';

/** Path of a stack's settings. */
export function settingsFile(root: string, stack: string): string {
  return join(root, `Pulumi.${stack}.yaml`);
}

/**
 * The stack's configuration, checked before the engine is called; a stack without a file has the defaults.
 * @throws LabError (exit code 2) with every problem at once
 */
export function readConfig(root: string, stack: string): LabConfig {
  const file = settingsFile(root, stack);
  return existsSync(file) ? checked(readDocument(file)) : parseConfig({});
}

/**
 * Writes `key=value` pairs into the stack's settings, as `pulumi up --config` does; a list is written `[a, b]`. Nothing is
 * written unless the whole configuration is good.
 * @throws LabError (exit code 2) with every problem at once, or (exit code 4) when the file cannot be written
 */
export function changeConfig(root: string, stack: string, pairs: readonly string[]): LabConfig {
  const { text, config } = changedSettings(root, stack, pairs);
  writeWhole(settingsFile(root, stack), text);
  return config;
}

/**
 * The stack's settings as they would be with `key=value` pairs in them. Nothing is written.
 * @throws LabError (exit code 2) with every problem at once
 */
export function changedSettings(
  root: string,
  stack: string,
  pairs: readonly string[],
): { text: string; config: LabConfig } {
  const file = settingsFile(root, stack);
  const document = existsSync(file) ? readDocument(file) : new Document({});
  for (const pair of pairs) {
    const [, key, value = ""] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined) throw notAPair(pair);
    document.setIn(["config", key.includes(":") ? key : `${project}:${key}`], document.createNode(parse(value) ?? ""));
  }
  return { config: checked(document), text: document.toString() };
}

/** Takes keys out of the stack's settings, so that their defaults hold again. @returns whether there were any */
export function unsetConfig(root: string, stack: string, keys: readonly string[]): boolean {
  const file = settingsFile(root, stack);
  if (!existsSync(file)) return false;
  const document = readDocument(file);
  const there = keys.filter((key) => document.deleteIn(["config", `${project}:${key}`]));
  if (there.length > 0) writeWhole(file, document.toString());
  return there.length > 0;
}

/** Keeps the stack's settings to the letter; the answer puts them back, and says whether that changed anything. */
export function rememberSettings(root: string, stack: string): () => boolean {
  const file = settingsFile(root, stack);
  const read = () => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
  const before = read();
  return () => {
    if (read() === before) return false;
    if (before === undefined) rmSync(file);
    else writeWhole(file, before);
    return true;
  };
}

function checked(document: Document): LabConfig {
  const config: unknown = document.toJS()?.config;
  const raw: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config ?? {})) {
    const [namespace, name] = key.includes(":") ? key.split(":") : [project, key];
    if (namespace === project && name !== undefined) raw[name] = value;
  }
  return parseConfig(raw);
}

/** Marks the settings file that the engine has just made as ours. */
export function markSettings(root: string, stack: string): void {
  const file = settingsFile(root, stack);
  if (existsSync(file)) writeWhole(file, `#${madeByUs}\n${readFileSync(file, "utf8")}`);
}

/** Fixes a port of the stack in its settings, marked as ours. */
export function setPort(root: string, stack: string, key: keyof GatewayPorts, port: number): void {
  const file = settingsFile(root, stack);
  const document = existsSync(file) ? readDocument(file) : new Document({});
  const value = new Scalar(port);
  value.comment = chosenByUs;
  document.setIn(["config", `${project}:${key}`], value);
  const config = document.get("config");
  if (isMap(config)) config.flow = false;
  writeWhole(file, document.toString());
}

/**
 * Takes back what `up` wrote into the settings, once the stack is gone: the ports it chose and the encryption salt, and
 * the file when it was ours and nothing is left. Encrypted values keep their salt.
 */
export function withdrawSettings(root: string, stack: string): void {
  const file = settingsFile(root, stack);
  if (!existsSync(file)) return;
  const text = readFileSync(file, "utf8");
  const document = parseDocument(text);
  if (!isMap(document.contents)) return;
  if (!text.includes("secure:")) document.delete("encryptionsalt");
  const config = document.get("config");
  if (isMap(config)) {
    for (const key of portKeys.map((name) => `${project}:${name}`)) {
      const port = config.get(key, true);
      if (isScalar(port) && port.comment === chosenByUs) config.delete(key);
    }
  }
  if (text.includes(madeByUs) && holdsNothing(document.contents)) rmSync(file);
  else if (document.toString() !== text) writeWhole(file, document.toString());
}

function holdsNothing(contents: YAMLMap): boolean {
  const config = contents.get("config");
  return contents.items.length === (contents.has("config") ? 1 : 0) && (!isMap(config) || config.items.length === 0);
}

function readDocument(file: string) {
  const document = parseDocument(readFileSync(file, "utf8"));
  const [error] = document.errors;
  if (!error) return document;
  throw new UsageError(
    {
      what: `"${file}" is not YAML: ${error.message.split("\n")[0]}`,
      why: "The stack's configuration cannot be read",
      fix: `git diff ${shellWord(file)}   (then correct the line, or remove the file to start from the defaults)`,
    },
    error,
  );
}

const notAPair = (pair: string) =>
  new UsageError({
    what: `"${pair}" is not of the form key=value`,
    why: "--config sets one key of the stack's configuration",
    fix: "npm run up -- --config faultPercent=30 --config 'addons=[prometheus, kiali]'",
  });
