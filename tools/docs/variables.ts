/** Environment variables that the lab, or a program that it starts, reads. */
export const variables: readonly { name: string; meaning: string }[] = [
  { name: "PULUMI_STACK", meaning: "Stack to use without `--stack`" },
  { name: "PULUMI_BACKEND_URL", meaning: "State backend; overrides `backend.url` of `Pulumi.yaml`" },
  {
    name: "PULUMI_CONFIG_PASSPHRASE",
    meaning:
      "Passphrase of the state. The lab's commands use an empty one by default; plain Pulumi requires the variable",
  },
  {
    name: "AMBIENT_LAB_HOME",
    meaning: "Folder of caches, tools, kubeconfigs and evidence. Default: `~/.ambient-lab`",
  },
  {
    name: "AMBIENT_LAB_IGNORE",
    meaning:
      "Ids of checks of Docker, such as `cgroup,image-store`, that do not stop the program; `up --ignore` sets it",
  },
  { name: "DOCKER_HOST", meaning: "Docker engine that runs the cluster" },
  {
    name: "HTTPS_PROXY",
    meaning:
      "Proxy of downloads; with `HTTP_PROXY` and `NO_PROXY`, see [mirrors, proxies, offline](../how-to/work-offline.md)",
  },
  { name: "GOPROXY", meaning: "Go module proxies that `outdated` asks first. Default: `https://proxy.golang.org`" },
  { name: "NO_COLOR", meaning: "No colours, also on a terminal" },
  { name: "CI", meaning: "Progress as log lines, and no browser" },
];
