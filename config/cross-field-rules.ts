import { join } from "node:path";
import type { Problem } from "../host/errors";
import { shellWord } from "../host/shell";
import type { LabConfig } from "./schema";
import { istioMinorOf, istioMinors } from "./versions";

/** Problems of keys that are valid by themselves and contradict each other. */
export function contradictions(config: LabConfig): Problem[] {
  const problems = config.cluster === "existing" ? existingWithout(config) : kindWith(config);
  const needsPrometheus = config.addons.filter((addon) => addon === "kiali" || addon === "grafana");
  if (needsPrometheus.length > 0 && !config.addons.includes("prometheus")) {
    problems.push({
      what: `Config key "addons" has ${needsPrometheus.join(" and ")} without prometheus`,
      why: "Their graphs are drawn from Prometheus",
      fix: `npm run lab -- config set addons '[${["prometheus", ...config.addons].join(", ")}]'`,
    });
  }
  return [...problems, ...agentgatewayWithout(config)];
}

function agentgatewayWithout({ modules, istioVersion }: LabConfig): Problem[] {
  if (!modules.includes("agentgateway") || istioMinorOf(istioVersion)?.agentgateway !== false) return [];
  const minors = istioMinors.flatMap(({ minor, agentgateway }) => (agentgateway ? [minor] : [])).join(" and ");
  return [
    {
      what: `Config key "modules" has agentgateway, with Istio ${istioVersion}`,
      why: `Its GatewayClass, istio-agentgateway-waypoint, is in Istio ${minors}`,
      fix: "npm run lab -- config rm istioVersion   (or: take agentgateway out of modules)",
    },
  ];
}

/** Keys that an existing cluster requires. */
function existingWithout({ kubeconfig, context, appImage }: LabConfig): Problem[] {
  const problems: Problem[] = [];
  if (!kubeconfig || !context) {
    problems.push({
      what: `Config key "cluster" is "existing", but "kubeconfig" and "context" are not both set`,
      why: "The lab never guesses a cluster: the current context may be production",
      fix: "npm run lab -- config set kubeconfig FILE && npm run lab -- config set context NAME",
    });
  }
  if (!appImage) {
    problems.push({
      what: `Config key "cluster" is "existing", but "appImage" is not set`,
      why: "An image that is built on this machine is not in the nodes of another cluster, and they cannot pull it",
      fix: `docker build -t REGISTRY/httpbin:1 ${shellWord(join(__dirname, "../images/httpbin"))} && docker push REGISTRY/httpbin:1 && npm run lab -- config set appImage REGISTRY/httpbin:1`,
    });
  }
  return problems;
}

/** Keys of an existing cluster that are set for a kind cluster. */
function kindWith(config: LabConfig): Problem[] {
  const others = ["kubeconfig", "context", "platform", "addressRange", "gatewayAnnotations"] as const;
  const keys = others.filter((key) => (key === "gatewayAnnotations" ? config[key].length > 0 : config[key]));
  if (keys.length === 0) return [];
  const named = keys.map((key) => `"${key}"`).join(", ");
  return [
    {
      what: `Config ${keys.length > 1 ? "keys" : "key"} ${named} ${keys.length > 1 ? "have" : "has"} no meaning while "cluster" is "kind"`,
      why: "A kind lab has a kubeconfig, a network and addresses of its own and never touches yours",
      fix: `${keys.map((key) => `npm run lab -- config rm ${key}`).join("; ")}   (or: npm run lab -- config set cluster existing)`,
    },
  ];
}
