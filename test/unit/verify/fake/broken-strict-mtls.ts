import { type BrokenWorld, edit, remove } from "./breaks";

const ztunnel = { layer: "ztunnel" };
const settings = { modules: ["strict-mtls"] } as const;
const mode = ["spec", "mtls", "mode"];

/** Changes with which the module strict-mtls must not pass. */
export const brokenStrictMtls: BrokenWorld[] = [
  {
    name: "strict-mtls: PeerAuthentication deleted",
    settings,
    breaks: remove("PeerAuthentication/default/appf-strict"),
    detectedBy: { "strict-mtls": ztunnel },
    drift: "PeerAuthentication/appf-strict does not exist",
  },
  {
    name: "strict-mtls: PeerAuthentication is PERMISSIVE",
    drift: "PeerAuthentication/appf-strict: spec.mtls.mode is PERMISSIVE",
    settings,
    breaks: edit("PeerAuthentication/default/appf-strict", mode, "PERMISSIVE"),
    detectedBy: { "strict-mtls": ztunnel },
  },
  {
    name: "strict-mtls: PeerAuthentication selects another application",
    drift: "PeerAuthentication/appf-strict: spec.selector.matchLabels.app is appg",
    settings,
    breaks: edit("PeerAuthentication/default/appf-strict", ["spec", "selector", "matchLabels", "app"], "appg"),
    detectedBy: { "strict-mtls": ztunnel },
  },
  {
    name: "strict-mtls: ztunnel reports HBONE and sends plain text",
    settings,
    breaks: (state) => {
      state.sendsPlainText = true;
    },
    detectedBy: { "strict-mtls": ztunnel },
  },
  {
    name: "strict-mtls: appf runs on the node of appa, so that no packet leaves the node",
    settings,
    breaks: (state) => {
      state.onOneNode = true;
    },
    detectedBy: { "strict-mtls": { layer: "nodes", verdict: "inconclusive" } },
  },
  {
    name: "strict-mtls: the sniffers deleted",
    settings,
    breaks: remove("DaemonSet/default/sniffer"),
    detectedBy: { "strict-mtls": { layer: "nodes" } },
    drift: "DaemonSet/sniffer does not exist",
  },
  {
    name: "strict-mtls: appg down, which receives the control",
    settings,
    breaks: (state) => state.scale("default/appg"),
    detectedBy: { "strict-mtls": { layer: "app" } },
  },
];
