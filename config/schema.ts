import semver from "semver";
import { z } from "zod";
import { userinfo } from "../host/printable";
import { overlap } from "../host/subnets";
import { moduleNames } from "../modules/index";
import { istioMinorOf, istioMinors, nodeImage, oldestMetalLb, versions } from "./versions";
import { addonNames, callers, methods } from "./vocabulary";

/**
 * Platforms for which Istio's charts have values of their own (files/profile-platform-*.yaml). OpenShift is not supported:
 * it requires ztunnel and istio-cni in kube-system, and the lab installs them in istio-system.
 */
export const platforms = ["gke", "k3d", "k3s", "microk8s", "minikube"] as const;

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const unique = <T>(items: readonly T[]) => new Set(items).size === items.length;
const listOf = <T extends z.ZodType>(item: T) => z.array(item).refine(unique, "must not name anything twice");
/** Message for text without a unit, and for a number. */
const duration = 'must be a duration with its unit like "2s" or "500ms"';
const optional = z.string().min(1, "must not be empty");
const istioRanges = istioMinors.map(({ minor, from }) => `${minor}.x from ${from}`).join(", ");
const hasUserinfo = (text: string): boolean => text.search(userinfo) >= 0;
const userinfoRefused =
  "must not hold a user name or password: settings, state and the nodes' files would keep them in plain text";
const ipv4Range = /^(\d+\.\d+\.\d+\.\d+)(-\d+\.\d+\.\d+\.\d+|\/\d+)$/;

/**
 * Subnets that Docker accepts for a network, but in which no lab works. Pods and Services: kubernetes-sigs/kind v0.32.0
 * pkg/internal/apis/config/default.go. The others: RFC 6890.
 */
const reservedSubnets = [
  { subnet: "10.244.0.0/16", use: "pods" },
  { subnet: "10.96.0.0/16", use: "Services" },
  { subnet: "0.0.0.0/8", use: "this host" },
  { subnet: "127.0.0.0/8", use: "loopback" },
  { subnet: "169.254.0.0/16", use: "link-local" },
  { subnet: "224.0.0.0/3", use: "multicast and reserved" },
] as const;

/**
 * Every key of the stack's configuration. Pulumi.yaml declares the same keys with their defaults; a test compares both. Only
 * defaults that are versions of config/versions.ts are in the schema: Pulumi.yaml has the empty text for these keys.
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
  metallbVersion: z
    .string()
    .refine(
      (version) => /^v\d+\.\d+\.\d+$/.test(version) && semver.gte(version, oldestMetalLb),
      `must be a version of MetalLB like "${versions.metallb}", and not older than ${oldestMetalLb}`,
    )
    .default(versions.metallb),
  workers: z.int().min(1).max(8),
  nodeImage: z.string().regex(/^\S+$/, "must be an image reference").default(nodeImage),
  subnet: z
    .cidrv4({ error: "must be an IPv4 subnet like 172.30.0.0/24", abort: true })
    .refine((cidr) => Number(cidr.split("/")[1]) <= 28, "must hold nodes and pool: /28 or larger")
    .refine(
      (cidr) => !reservedSubnets.some(({ subnet }) => overlap(cidr, subnet)),
      `must not overlap with ${reservedSubnets.map(({ subnet, use }) => `${subnet} (${use})`).join(", ")}`,
    )
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
  allowedMethods: listOf(z.enum(methods)).min(1),
  faultEnabled: z.boolean(),
  faultPath: z.string().regex(/^\/[\w\-./]*$/, 'must be a path like "/headers"'),
  faultDelay: z.string(duration).regex(/^[1-9][0-9]*(ms|s)$/, duration),
  faultPercent: z.int().min(0).max(100),
  closeBypass: z.boolean(),
  addons: listOf(z.enum(addonNames)),
  modules: listOf(z.enum(moduleNames)),
  splitWeight: z.int().min(0).max(100),
  imageSource: z.enum(["preload", "pull"]),
  imageMirrors: z.array(
    z
      .string()
      .regex(/^[^=\s]+=https?:\/\/\S+$/, 'must be "registry=https://mirror"')
      .refine((mirror) => !hasUserinfo(mirror.slice(mirror.indexOf("=") + 1)), userinfoRefused),
  ),
  imageCache: z.boolean(),
  caFile: z.string().regex(/^\//, "must be an absolute path").optional(),
  artifactSource: z
    .string()
    .min(1, "must be an URL or a folder")
    .refine((source) => !hasUserinfo(source), userinfoRefused)
    .optional(),
  appImage: z.string().regex(/^\S+$/, "must be an image reference").optional(),
});

/** The lab's configuration, checked. */
export type LabConfig = z.infer<typeof configSchema>;
export type ConfigKey = keyof LabConfig;

/** Keys in the order of Pulumi.yaml. */
export const configKeys = Object.keys(configSchema.shape) as ConfigKey[];

/** Keys that the experiments depend on, as the stack's outputs and the reports contain them. */
export const settingsSchema = configSchema
  .pick({
    workers: true,
    domain: true,
    allowedCallers: true,
    allowedMethods: true,
    faultEnabled: true,
    faultPath: true,
    faultDelay: true,
    faultPercent: true,
    closeBypass: true,
    addons: true,
  })
  .extend({
    // Outputs that were written before modules existed have neither key.
    modules: configSchema.shape.modules.default([]),
    splitWeight: configSchema.shape.splitWeight.default(20),
    /** HTTPS port of the gateway for its clients, to which the module gateway-tls redirects. @default 443 */
    httpsPort: z.int().min(1).max(65535).optional(),
  });

type ReadonlyLists<T> = { [K in keyof T]: T[K] extends (infer Item)[] ? readonly Item[] : T[K] };

/** The part of the configuration that the experiments depend on. */
export type LabSettings = ReadonlyLists<z.infer<typeof settingsSchema>>;
