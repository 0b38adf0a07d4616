import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { distance } from "fastest-levenshtein";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { contradictions } from "./config-rules";
import { ExitCode, LabErrors, type Problem } from "./errors";
import { addonNames, istioMinorOf, istioMinors, nodeImage, versions } from "./versions";

/** Callers the demo's policy can name. `gateway` is the ingress gateway's identity, the others are ServiceAccounts. */
export const callers = ["appa", "gateway", "stranger"] as const;
export type Caller = (typeof callers)[number];

/** Experiments beyond the story; each adds what it needs, and nothing while it is not named. */
export const moduleNames = [
  "fail-open",
  "l4-l7",
  "traffic-split",
  "resilience",
  "egress",
  "cross-namespace",
  "grpc",
  "strict-mtls",
  "chaos",
  "gateway-tls",
  "gateway-jwt",
  "agentgateway",
] as const;

/**
 * Platforms that Istio's charts have values for, where they differ from a plain Kubernetes (files/profile-platform-*.yaml).
 * OpenShift is not among them: it wants ztunnel and istio-cni in kube-system, and the lab has them in istio-system.
 */
export const platforms = ["gke", "k3d", "k3s", "microk8s", "minikube"] as const;

const httpMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const unique = <T>(items: readonly T[]) => new Set(items).size === items.length;
const listOf = <T extends z.ZodType>(item: T) => z.array(item).refine(unique, "must not name anything twice");
/** A bare number reaches the schema as one: it too is told what is missing. */
const duration = 'must be a duration with its unit like "2s" or "500ms"';
const optional = z.string().min(1, "must not be empty");
const istioRanges = istioMinors.map(({ minor, from }) => `${minor}.x from ${from}`).join(", ");
const ipv4Range = /^(\d+\.\d+\.\d+\.\d+)(-\d+\.\d+\.\d+\.\d+|\/\d+)$/;

/**
 * Every key of the stack's configuration. Pulumi.yaml declares the same keys, and the default of each; a test holds the two
 * together. Only the pins of versions.ts are defaults here: Pulumi.yaml has the empty text for their keys.
 */
export const configSchema = z.object({
  cluster: z.enum(["kind", "existing"]),
  kubeconfig: optional.optional(),
  context: optional.optional(),
  platform: z.enum(platforms).optional(),
  addressRange: z.string().regex(ipv4Range, 'must be IPv4 addresses like "10.0.0.200-10.0.0.210"').optional(),
  gatewayAnnotations: z.array(z.string().regex(/^[^=\s]+=.*$/, 'must be "annotation=value"')),
  istioVersion: z
    .string()
    .refine(
      (version) => istioMinorOf(version) !== undefined,
      `must be a version of Istio that the lab knows: ${istioRanges}`,
    )
    .default(versions.istio),
  workers: z.int().min(1).max(8),
  nodeImage: z.string().regex(/^\S+$/, "must be an image reference").default(nodeImage),
  subnet: z
    .cidrv4({ error: "must be an IPv4 subnet like 172.30.0.0/24", abort: true })
    .refine((cidr) => Number(cidr.split("/")[1]) <= 28, "must hold nodes and pool: /28 or larger")
    .optional(),
  httpPort: z.int().min(1024).max(65535).optional(),
  httpsPort: z.int().min(1024).max(65535).optional(),
  resources: z.enum(["laptop", "roomy"]),
  logLevel: z.enum(["debug", "info", "warning", "error"]),
  domain: z
    .string()
    .regex(new RegExp(`^${label}(\\.${label})+$`), 'must be a DNS domain like "opssec.in"')
    .max(200),
  allowedCallers: listOf(z.enum(callers)),
  allowedMethods: listOf(z.enum(httpMethods)).min(1),
  faultEnabled: z.boolean(),
  faultPath: z.string().regex(/^\/[\w\-./]*$/, 'must be a path like "/headers"'),
  faultDelay: z.string(duration).regex(/^[1-9][0-9]*(ms|s)$/, duration),
  faultPercent: z.int().min(0).max(100),
  closeBypass: z.boolean(),
  addons: listOf(z.enum(addonNames)),
  modules: listOf(z.enum(moduleNames)),
  splitWeight: z.int().min(0).max(100),
  imageSource: z.enum(["preload", "pull"]),
  imageMirrors: z.array(z.string().regex(/^[^=\s]+=https?:\/\/\S+$/, 'must be "registry=https://mirror"')),
  imageCache: z.boolean(),
  caFile: z.string().regex(/^\//, "must be an absolute path").optional(),
  artifactSource: z.string().min(1, "must be an URL or a folder").optional(),
  appImage: z.string().regex(/^\S+$/, "must be an image reference").optional(),
});

/** The lab's configuration, checked. */
export type LabConfig = z.infer<typeof configSchema>;
export type ConfigKey = keyof LabConfig;

/** Keys in the order of Pulumi.yaml. */
export const configKeys = Object.keys(configSchema.shape) as ConfigKey[];

/**
 * The configuration of the running program's stack.
 * @throws LabErrors (exit code 2) with every problem at once
 */
export function loadConfig(): LabConfig {
  const namespace = `${pulumi.getProject()}:`;
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(namespace));
  return parseConfig(Object.fromEntries(own.map(([key, value]) => [key.slice(namespace.length), value])));
}

/**
 * Checks raw values: those of a stack file, or the strings the engine hands to a program.
 * @throws LabErrors (exit code 2) with every problem at once
 */
export function parseConfig(raw: Readonly<Record<string, unknown>>): LabConfig {
  const problems: Problem[] = Object.keys(raw)
    .filter((key) => !Object.hasOwn(configSchema.shape, key))
    .map(unknownKey);
  const defaults = projectDefaults();
  const values = Object.fromEntries(
    configKeys
      .map((key) => [key, raw[key] === undefined ? defaults[key] : raw[key]] as const)
      .filter(([key, value]) => !isUnset(key, value))
      .map(([key, value]) => [key, typed(key, value)]),
  );
  const parsed = configSchema.safeParse(values);
  if (!parsed.success) problems.push(...parsed.error.issues.map(badValue(values)));
  if (parsed.success) problems.push(...contradictions(parsed.data));
  if (problems.length > 0 || !parsed.success) throw new LabErrors(problems, ExitCode.usage);
  return parsed.data;
}

const projectSchema = z.object({ config: z.record(z.string(), z.object({ default: z.unknown() })) });

/**
 * The defaults of Pulumi.yaml. The engine gives them to the program with the stack's own values (Pulumi v3.259.0,
 * mergeConfig() of pkg/workspace/config.go); the command line reads a stack's settings without the engine.
 */
function projectDefaults(): Record<string, unknown> {
  const { config } = projectSchema.parse(parseYaml(readFileSync(join(__dirname, "Pulumi.yaml"), "utf8")));
  return Object.fromEntries(Object.entries(config).map(([key, declared]) => [key, declared.default]));
}

/**
 * Whether a key is left to the schema. Pulumi ends every operation when a declared key has neither value nor default, so
 * Pulumi.yaml has the default "" or 0 for keys that are optional and for keys whose default is a pin of versions.ts.
 */
function isUnset(key: ConfigKey, value: unknown): boolean {
  const schema = configSchema.shape[key];
  if (schema instanceof z.ZodDefault) return value === "";
  return schema instanceof z.ZodOptional && (value === "" || value === 0 || value === "0");
}

/** The engine hands every value over as a string; numbers, booleans and lists come as YAML's subset JSON. */
function typed(key: ConfigKey, value: unknown): unknown {
  if (typeof value !== "string" || acceptsText(key)) return value;
  try {
    return parseYaml(value);
  } catch {
    return value;
  }
}

function acceptsText(key: ConfigKey): boolean {
  let schema: z.ZodType = configSchema.shape[key];
  while (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) schema = schema.unwrap() as z.ZodType;
  return schema instanceof z.ZodString || schema instanceof z.ZodEnum || schema instanceof z.ZodCIDRv4;
}

function unknownKey(key: string): Problem {
  const [nearest] = [...configKeys].sort((a, b) => distance(a, key) - distance(b, key));
  return {
    what: `Config key "${key}" does not exist`,
    why: "An unknown key would be ignored in silence, and the lab would not be the one you asked for",
    fix: `pulumi config rm ${key}   (did you mean "${nearest}"?)`,
  };
}

const badValue = (values: Record<string, unknown>) => (issue: z.core.$ZodIssue) => {
  const [key, ...rest] = issue.path.map(String);
  const path = rest.length > 0 ? `${key}[${rest.join(".")}]` : String(key);
  return {
    what: `Config key "${path}" is refused: ${issue.message}; current value is ${JSON.stringify(values[String(key)])}`,
    why: `"pulumi config" accepts any text; the lab checks it before anything is made`,
    fix: `pulumi config set ${rest.length > 0 ? `--path '${path}'` : path} VALUE   (allowed values: Pulumi.yaml, key "${key}")`,
  } satisfies Problem;
};

/** Milliseconds of a checked {@link LabConfig.faultDelay}. */
export function durationMs(duration: string): number {
  return duration.endsWith("ms") ? Number.parseInt(duration, 10) : Number.parseInt(duration, 10) * 1000;
}
