/** Variables of the environment that the lab reads, or that decide what the programs below it do. */
export const variables: readonly { name: string; meaning: string }[] = [
  { name: "PULUMI_STACK", meaning: "Stack to work on, when no `--stack` is given" },
  { name: "PULUMI_BACKEND_URL", meaning: "Where the state is kept; wins over `backend.url` of `Pulumi.yaml`" },
  {
    name: "PULUMI_CONFIG_PASSPHRASE",
    meaning: "Passphrase of the state. The lab's commands use the empty one; plain Pulumi wants it set",
  },
  {
    name: "AMBIENT_LAB_HOME",
    meaning: "Folder of caches, tools, kubeconfigs and evidence, in place of `~/.ambient-lab`",
  },
  { name: "DOCKER_HOST", meaning: "Docker engine that carries the cluster" },
  {
    name: "HTTPS_PROXY",
    meaning: "Proxy of downloads; with `HTTP_PROXY` and `NO_PROXY`, see [mirrors, proxies, offline](offline.md)",
  },
  { name: "NO_COLOR", meaning: "No colours, also on a terminal" },
  { name: "CI", meaning: "Progress as lines of a log, no browser" },
];
