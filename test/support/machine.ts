import type { Exec } from "../../host/exec";

/** A network of Docker. */
export interface SeenNetwork {
  name: string;
  /** @default the name */
  id?: string;
  /** Labels. */
  stack?: string;
  owner?: string;
  subnets?: string[];
}

/** The answers of Docker and kind. The default is a machine with Docker and without a lab. */
export interface Machine {
  version?: { code: number; stderr?: string };
  /** Fields of `docker info` that differ from those of a supported Docker. */
  info?: Record<string, unknown>;
  /** Option `com.docker.network.driver.mtu` of Docker's default network. */
  mtu?: string;
  /** `kind version`. @default "kind v0.32.0 go1.26.1 linux/amd64" */
  kind?: string;
  /** "state networks ports" of the containers with the cluster's label. */
  nodes?: string[];
  networks?: SeenNetwork[];
  /** "cluster port port" of each node of any kind cluster, running or not. */
  claims?: string[];
  dockerHost?: string;
  kubeconfig?: string;
}

/** An {@link Exec} that answers the docker and kind commands of the lab for stack "t1", and rejects all others. */
export function machine(state: Machine = {}): Exec {
  const answer = (stdout: string, code = 0, stderr = "") => ({ command: "", code, stdout, stderr });
  const {
    nodes = [],
    networks = [{ name: "bridge", subnets: ["172.17.0.0/16"] }],
    dockerHost = "unix:///var/run/docker.sock",
  } = state;
  return async (file, args) => {
    const [verb, noun] = args;
    if (file === "kind" && verb === "version") return answer(state.kind ?? "kind v0.32.0 go1.26.1 linux/amd64");
    if (file === "kind") return state.kubeconfig ? answer(state.kubeconfig) : answer("", 1, "no nodes found");
    if (verb === "info") {
      const facts = { ServerVersion: "28.0.0", CgroupVersion: "2", ...state.info };
      const { code = 0, stderr = "" } = state.version ?? {};
      return answer(code === 0 ? JSON.stringify(facts) : "", code, stderr);
    }
    if (verb === "exec") return answer("", 1, "Error response from daemon: No such container");
    if (verb === "version") return answer("{}", state.version?.code ?? 0, state.version?.stderr ?? "");
    if (verb === "context") return answer(dockerHost);
    if (verb === "ps" && args.includes("label=io.x-k8s.kind.cluster"))
      return answer((state.claims ?? []).map((_, index) => `id-${index}`).join("\n"));
    if (verb === "inspect") return answer((state.claims ?? []).join("\n"));
    if (verb === "ps")
      return answer(args.includes("label=io.x-k8s.kind.cluster=ambient-lab-t1") ? nodes.join("\n") : "");
    if (verb === "network" && args.at(-1)?.includes("driver.mtu")) return answer(state.mtu ?? "");
    if (verb === "network") {
      const lines = networks
        .filter(({ name }) => noun === "ls" || args.includes(name))
        .map(({ name, id = name, stack = "", owner = "", subnets = [] }) =>
          noun === "ls" ? [id, name, stack, owner].join("\t") : `${name} ${subnets.map((each) => `${each} `).join("")}`,
        );
      return answer(lines.join("\n"));
    }
    throw new Error(`This machine does not support "${file} ${args.join(" ")}"`);
  };
}
