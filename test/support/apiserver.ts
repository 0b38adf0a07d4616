import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { versions } from "../../config/versions";
import { exec, run } from "../../host/exec";
import { rigPath } from "./skip";

/** A Kubernetes object in a request. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  [field: string]: unknown;
}

/** A kube-apiserver with the lab's CRDs and without controllers: it validates and stores objects. */
export interface ApiServer {
  /**
   * Server-side apply with strict field validation, as a field manager.
   * @returns the stored object; rejects with the message of the server
   */
  apply(object: KubernetesObject, options?: ApplyOptions): Promise<unknown>;
  delete(object: KubernetesObject): Promise<void>;
  /** The stored object. */
  read(object: KubernetesObject): Promise<unknown>;
  /** Whether the object exists. */
  has(object: KubernetesObject): Promise<boolean>;
  readonly kubeconfig: string;
  readonly context: string;
  stop(): Promise<void>;
}

interface ApplyOptions {
  dryRun?: boolean;
  /** @default "pulumi" */
  manager?: string;
}

/** CRDs by Go module, in the versions that the lab pins. */
const crdModules = [
  { module: `sigs.k8s.io/gateway-api@${versions.gatewayApi}`, path: "config/crd/standard" },
  { module: `go.universe.tf/metallb@${versions.metallb}`, path: "config/crd/bases" },
  { module: `istio.io/api@v${versions.istio}`, path: "kubernetes/customresourcedefinitions.gen.yaml" },
];

const minutes = (count: number) => count * 60_000;

/** Kubeconfig of a disposable kube-apiserver, such as that of a new kind cluster; without one, the rig's kube-apiserver is started. */
export const givenApiServer = process.env.LAB_APISERVER;

/** Installs the CRDs in a kube-apiserver. A server that runs already is used and not stopped. */
export async function startApiServer(): Promise<ApiServer> {
  if (givenApiServer) return { ...(await prepared(givenApiServer)), stop: async () => undefined };
  const rig = (verb: string) =>
    run(exec, rigPath(), [verb], {
      timeoutMs: minutes(28),
      why: "Objects are admitted by it",
      fix: `${rigPath()} ${verb}`,
    });
  const before = await running(serverPids());
  const ours = before.length === 0 || before.includes(false);
  const kubeconfig = (await rig("apiserver")).split("\n").at(-1) ?? "";
  const stop = async () => {
    if (!ours) return;
    const pids = serverPids();
    await rig("apiserver-stop");
    // The server needs time to exit, and until then the server of the next suite cannot use its port.
    await vi.waitFor(async () => expect(await running(pids)).not.toContain(true), {
      timeout: minutes(1),
      interval: 200,
    });
  };
  try {
    return { ...(await prepared(kubeconfig)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepared(kubeconfig: string) {
  const api = await connect(kubeconfig);
  const crds = await definitions();
  await Promise.all(crds.map((crd) => api.apply(crd)));
  await vi.waitFor(() => Promise.all(crds.map(api.read).map(established)), { timeout: minutes(2), interval: 500 });
  return api;
}

/** IDs of the processes of the rig's kube-apiserver and its etcd, which the rig writes into its folder. */
function serverPids(): string[] {
  const home =
    process.env.RIG_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "", ".cache"), "lab-rig");
  const pids = join(home, "apiserver", "pids");
  return existsSync(pids) ? readFileSync(pids, "utf8").trim().split(" ") : [];
}

const running = (pids: readonly string[]): Promise<boolean[]> =>
  Promise.all(pids.map(async (pid) => (await exec("kill", ["-0", pid])).code === 0));

async function definitions(): Promise<KubernetesObject[]> {
  const found = await Promise.all(
    crdModules.map(async ({ module, path }) => {
      const reason = { why: "The module holds the CRDs", fix: `go mod download ${module}` };
      const answer = await run(exec, "go", ["mod", "download", "-json", module], {
        timeoutMs: minutes(5),
        cwd: "/",
        ...reason,
      });
      const place = join((JSON.parse(answer) as { Dir: string }).Dir, path);
      const files = place.endsWith(".yaml") ? [place] : (await readdir(place)).map((file) => join(place, file));
      return (await Promise.all(files.map(objectsIn))).flat();
    }),
  );
  return found.flat().filter(({ kind }) => kind === "CustomResourceDefinition");
}

async function objectsIn(file: string): Promise<KubernetesObject[]> {
  return parseAllDocuments(await readFile(file, "utf8")).flatMap((each) => each.toJS() ?? []);
}

async function established(pending: Promise<unknown>): Promise<void> {
  const crd = (await pending) as { status?: { conditions?: { type: string; status: string }[] } };
  const ready = crd.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True");
  if (!ready) throw new Error("A CRD is not established");
}

async function connect(kubeconfig: string) {
  const k8s = await import("@kubernetes/client-node");
  const config = new k8s.KubeConfig();
  config.loadFromFile(kubeconfig);
  const server = config.getCurrentCluster()?.server;
  if (!server) throw new Error(`${kubeconfig} in ${dirname(kubeconfig)} names no server`);

  /** A client that sends this object unchanged for strict validation; by default the client drops fields that its types do not have. */
  function clientFor(object: KubernetesObject) {
    const body = JSON.stringify(object);
    const settings = k8s.createConfiguration({
      baseServer: new k8s.ServerConfiguration(server ?? "", {}),
      authMethods: { default: config },
      promiseMiddleware: [
        {
          pre: async (context) => {
            if (context.getHttpMethod() === k8s.HttpMethod.PATCH) {
              context.setQueryParam("fieldValidation", "Strict");
              context.setBody(body);
            }
            return context;
          },
          post: async (context) => context,
        },
      ],
    });
    return new k8s.KubernetesObjectApi(settings);
  }
  const explained = async <T>(answer: Promise<T>) =>
    answer.catch((error: unknown) => {
      if (!(error instanceof k8s.ApiException)) throw error;
      throw new Error(typeof error.body === "string" ? error.body : JSON.stringify(error.body));
    });
  const context = config.getCurrentContext();
  return {
    kubeconfig,
    context,
    has: (object: KubernetesObject): Promise<boolean> =>
      clientFor(object)
        .read(object)
        .then(
          () => true,
          (error: unknown) => {
            if (error instanceof k8s.ApiException && error.code === 404) return false;
            throw error;
          },
        ),
    apply: async (object: KubernetesObject, { dryRun, manager = "pulumi" }: ApplyOptions = {}): Promise<unknown> => {
      const strategy = k8s.PatchStrategy.ServerSideApply;
      const mode = dryRun ? "All" : undefined;
      const kept = await explained(clientFor(object).patch(object, undefined, mode, manager, true, strategy));
      return JSON.parse(JSON.stringify(kept));
    },
    read: (object: KubernetesObject): Promise<unknown> => explained(clientFor(object).read(object)),
    delete: async (object: KubernetesObject): Promise<void> => {
      await explained(clientFor(object).delete(object));
    },
  };
}
