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
    put(document, key, isConfigKey(key) ? parseValue(key, value) : value);
  }
  return { config: checked(document), text: textOf(document) };
}

/**
 * Writes one key into the stack's settings, also into settings that are not complete or have other problems.
 * @returns the problems of the configuration that are left
 * @throws LabError (exit code 2) when the key or its value is refused, or (exit code 4) when the file cannot be written
 */
export function setConfig(root: string, stack: string, key: string, text: string): readonly Problem[] {
  const file = settingsFile(root, stack);
  const document = existsSync(file) ? readDocument(file) : new Document({});
  put(document, key, checkKey(key, text));
  writeWhole(file, textOf(document));
  return problemsOf(document);
}

/** Takes keys out of the stack's settings, so that their defaults hold again. @returns whether there were any */
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

/** What the stack's settings file has of the project's keys, and what is wrong with it. */
export function readSettings(
  root: string,
  stack: string,
): { set: Record<string, unknown>; problems: readonly Problem[] } {
  const file = settingsFile(root, stack);
  const document = existsSync(file) ? readDocument(file) : new Document({});
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

/** Ways in which a settings file can name a key. */
const spellings = (key: string): string[] => (key.includes(":") ? [key] : [`${projectFile().name}:${key}`, key]);

/** Puts a value into the document; a comment beside the former value stays, except for the note of a chosen port. */
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

/** The document with its lines as long as they are. */
const textOf = (document: Document): string => document.toString({ lineWidth: 0 });

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
  put(document, key, value);
  writeWhole(file, textOf(document));
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
