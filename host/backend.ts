import { existsSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { userinfo } from "./printable";
import { projectFile } from "./project-file";

/** Environment of a command, and folder of Pulumi.yaml. */
export interface Checkout {
  env: NodeJS.ProcessEnv;
  root: string;
}

/**
 * URL of the backend that Pulumi uses in a checkout, as configured: `$PULUMI_BACKEND_URL`, else `backend.url` of Pulumi.yaml,
 * else the backend that the user is logged in to (pulumi v3.259.0, pkg/workspace/creds.go, GetCurrentCloudURLWithSource).
 */
export function backendUrl({ env, root }: Checkout): string {
  if (env.PULUMI_BACKEND_URL) return env.PULUMI_BACKEND_URL;
  return projectFile(root).backend?.url || loginUrl(env) || "https://api.pulumi.com";
}

function loginUrl(env: NodeJS.ProcessEnv): string | undefined {
  const folder = env.PULUMI_CREDENTIALS_PATH || env.PULUMI_HOME || join(pulumiUserHome(), ".pulumi");
  const file = join(folder, "credentials.json");
  if (!existsSync(file)) return undefined;
  try {
    const { current }: { current?: unknown } = JSON.parse(readFileSync(file, "utf8"));
    return typeof current === "string" ? current : undefined;
  } catch {
    return undefined; // Pulumi itself reports a broken file.
  }
}

/**
 * Canonical URL of the backend: `file://~` and `file://.` become absolute paths without symbolic links and parameters
 * (pulumi v3.259.0, pkg/backend/diy/backend.go, massageBlobPath); other URLs lose user and password.
 */
export function canonicalBackend(checkout: Checkout): string {
  const folder = backendFolder(checkout);
  if (folder !== undefined) return `file://${folder}`;
  // The URL is shown, and written to labels that others can read.
  const url = backendUrl(checkout).replace(/\/+$/, "").replace(userinfo, "");
  return withAccount(url, checkout.env);
}

/**
 * Adds the account or the server of a bucket, which identify it together with its name, as a URL parameter. Environment
 * variables may set them (gocloud.dev v0.46.0, blob/azureblob/azureblob.go and aws/aws.go; aws-sdk-go-v2 config v1.32.31,
 * env_config.go). A parameter of the URL overrides the variable.
 */
function withAccount(url: string, env: NodeJS.ProcessEnv): string {
  const accounts: Readonly<Record<string, readonly [parameter: string, value: string | undefined]>> = {
    azblob: ["storage_account", env.AZURE_STORAGE_ACCOUNT],
    s3: ["endpoint", env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL],
  };
  const [parameter, value] = accounts[url.split("://")[0] ?? ""] ?? [];
  if (!parameter || !value || new RegExp(`[?&]${parameter}=`).test(url)) return url;
  return `${url}${url.includes("?") ? "&" : "?"}${parameter}=${encodeURIComponent(value.replace(userinfo, ""))}`;
}

/** Absolute folder of a file backend, without symbolic links; undefined for every other backend. */
export function backendFolder(checkout: Checkout): string | undefined {
  const url = backendUrl(checkout);
  if (!url.startsWith("file://")) return undefined;
  const [path = ""] = url.slice("file://".length).split("?");
  const absolute = path.startsWith("~") ? join(pulumiUserHome(), path.slice(1)) : resolve(checkout.root, path);
  return existsSync(absolute) ? realpathSync(absolute) : absolute;
}

/**
 * Home folder of the user as Pulumi finds it: the one in /etc/passwd, regardless of `$HOME`; `$HOME` for users of another
 * database, such as macOS or LDAP. Pulumi is built with the tag `osusergo` (pulumi v3.259.0, .goreleaser.yml; Go's os/user,
 * lookup_stubs.go); libc, which Node.js uses, reads all databases.
 */
export function pulumiUserHome(passwd = "/etc/passwd"): string {
  const uid = String(process.getuid?.());
  const users = existsSync(passwd) ? readFileSync(passwd, "utf8").split("\n") : [];
  const [, , , , , home] = users.map((line) => line.split(":")).find(([, , id]) => id === uid) ?? [];
  return home ?? homedir();
}
