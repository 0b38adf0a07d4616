import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Document, isMap, isNode, isScalar, parseDocument, Scalar, YAMLMap } from "yaml";
import { checkKey, isConfigKey, parseConfig, parseValue } from "../../config/load";
import type { LabConfig } from "../../config/schema";
import { LabErrors, type Problem, UsageError } from "../../host/errors";
import { type GatewayPorts, portKeys } from "../../host/ports";
import { projectFile } from "../../host/project-file";
import { shellWord } from "../../host/shell";
import { writeWhole } from "../../host/write-file";

const madeByUs = ' Made by "npm run up"; "npm run destroy" removes it while it holds nothing else.';
const chosenByUs = ' chosen by "npm run up": the stack\'s own port was taken';

/** Name of a stack's settings file. */
export const settingsName = (stack: string): string => `Pulumi.${stack}.yaml`;

/** Path of a stack's settings. */
export function settingsFile(root: string, stack: string): string {
  return join(root, settingsName(stack));
}

/**
 * The stack's configuration, checked before the engine is called; a stack without a file has the defaults.
 * @throws LabError (exit code 2) with every problem at once
 */
export function readConfig(root: string, stack: string): LabConfig {
  return checked(openSettings(root, stack).document);
}

/** The stack's settings file; an empty document when there is none. */
function openSettings(root: string, stack: string): { file: string; document: Document } {
  const file = settingsFile(root, stack);
  return { file, document: existsSync(file) ? readDocument(file) : new Document({}) };
}

/**
 * Writes `key=value` pairs into the stack's settings, as `pulumi up --config` does; a list is written `[a, b]`. Nothing is
 * written unless the whole configuration is valid.
 * @throws LabError (exit code 2) with every problem at once, or (exit code 4) when the file cannot be written
 */
export function changeConfig(root: string, stack: string, pairs: readonly string[]): LabConfig {
  const { text, config } = changedSettings(root, stack, pairs);
  writeWhole(settingsFile(root, stack), text);
  return config;
}

/**
 * The stack's settings after a change by `key=value` pairs. Nothing is written.
 * @throws LabError (exit code 2) with every problem at once
 */
export function changedSettings(
  root: string,
  stack: string,
  pairs: readonly string[],
): { text: string; config: LabConfig } {
  const { document } = openSettings(root, stack);
  for (const pair of pairs) {
    const [, key, value = ""] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined) throw notAPair(pair);
    put(document, key, isConfigKey(key) ? parseValue(key, value) : value);
  }
  return { config: checked(document), text: textOf(document) };
}

/**
 * Writes one key into the stack's settings, even if the configuration has other problems.
 * @returns the remaining problems of the configuration
 * @throws LabError (exit code 2) when the key or its value is not allowed, or (exit code 4) when the file cannot be written
 */
export function setConfig(root: string, stack: string, key: string, text: string): readonly Problem[] {
  const { file, document } = openSettings(root, stack);
  put(document, key, checkKey(key, text));
  writeWhole(file, textOf(document));
  return problemsOf(document);
}

/** Removes keys from the stack's settings, which resets them to their defaults. @returns whether one was set */
export function unsetConfig(root: string, stack: string, keys: readonly string[]): boolean {
  const file = settingsFile(root, stack);
  if (!existsSync(file)) return false;
  const document = readDocument(file);
  const config = document.get("config");
  if (!isMap(config)) return false;
  const there = keys.flatMap(spellings).filter((key) => config.delete(key));
  if (there.length > 0) writeWhole(file, textOf(document));
  return there.length > 0;
}

/** Reads the project's keys in the stack's settings file, and the problems of the configuration. */
export function readSettings(
  root: string,
  stack: string,
): { set: Record<string, unknown>; problems: readonly Problem[] } {
  const { document } = openSettings(root, stack);
  return { set: ownKeys(document), problems: problemsOf(document) };
}

function problemsOf(document: Document): readonly Problem[] {
  try {
    checked(document);
    return [];
  } catch (thrown) {
    if (thrown instanceof LabErrors) return thrown.problems;
    throw thrown;
  }
}

/** Names of a key in a settings file: with and without the project. */
const spellings = (key: string): string[] => (key.includes(":") ? [key] : [`${projectFile().name}:${key}`, key]);

/** Sets a key in the document. Comments of the former value stay, except the note about a chosen port. */
function put(document: Document, key: string, value: unknown): void {
  if (!isMap(document.get("config"))) document.set("config", new YAMLMap());
  const config = document.get("config");
  if (!isMap(config)) throw new RangeError("A map that was set is none");
  config.flow = false;
  const [named = key] = [...spellings(key).filter((each) => config.has(each)), ...spellings(key)];
  const former = config.get(named, true);
  const node = document.createNode(value);
  if (isNode(former)) {
    if (former.comment !== chosenByUs) node.comment ??= former.comment;
    node.commentBefore = former.commentBefore;
  }
  config.set(named, node);
}

/** Text of the document, without line folding. */
const textOf = (document: Document): string => document.toString({ lineWidth: 0 });

/** Saves the text of the stack's settings. @returns a function that restores it, and returns whether it had changed */
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

const checked = (document: Document): LabConfig => parseConfig(ownKeys(document));

function ownKeys(document: Document): Record<string, unknown> {
  const config: unknown = document.toJS()?.config;
  const project = projectFile().name;
  const raw: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config ?? {})) {
    const [namespace, name] = key.includes(":") ? key.split(":") : [project, key];
    if (namespace === project && name !== undefined) raw[name] = value;
  }
  return raw;
}

/** Marks a settings file that the engine has just created for removal by `destroy`. */
export function markSettings(root: string, stack: string): void {
  const file = settingsFile(root, stack);
  if (existsSync(file)) writeWhole(file, `#${madeByUs}\n${readFileSync(file, "utf8")}`);
}

/** Sets a port of the stack in its settings, marked as chosen by the lab. */
export function setPort(root: string, stack: string, key: keyof GatewayPorts, port: number): void {
  const { file, document } = openSettings(root, stack);
  const value = new Scalar(port);
  value.comment = chosenByUs;
  put(document, key, value);
  writeWhole(file, textOf(document));
}

/**
 * Removes the changes of `up` from the settings of a removed stack: chosen ports, the encryption salt unless there are
 * encrypted values, and the file itself if `up` created it and nothing else is in it.
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
    for (const key of portKeys.map((name) => `${projectFile().name}:${name}`)) {
      const port = config.get(key, true);
      if (isScalar(port) && port.comment === chosenByUs) config.delete(key);
    }
  }
  if (text.includes(madeByUs) && holdsNothing(document.contents)) rmSync(file);
  else if (textOf(document) !== text) writeWhole(file, textOf(document));
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
      fix: `mv ${shellWord(file)} ${shellWord(`${file}.broken`)}   (starts from the defaults; or correct the line)`,
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
