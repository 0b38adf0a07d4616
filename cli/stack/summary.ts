import { shellWord } from "../../host/shell";
import type { LabOutputs } from "./outputs";

/** What a person does next with a lab that is up. */
export function summaryText(stack: string, { url, curl, kubeconfig, context, dashboards }: LabOutputs): string {
  const option = ` --stack ${stack}`;
  return [
    `Lab "${stack}" is up: ${url ?? "no address"}`,
    "",
    ...(curl ?? []).map((line) => `  ${line}`),
    ...(dashboards ? [`  ${dashboards}`] : []),
    ...(kubeconfig && context
      ? [`  kubectl --kubeconfig ${shellWord(kubeconfig)} --context ${shellWord(context)} get pods -A`]
      : []),
    "",
    "Next:",
    "  npm test",
    `  npm run lab -- verify${option}`,
    `  npm run lab -- report${option}`,
    `  npm run lab -- tour${option}`,
    `  npm run destroy --${option}`,
    "",
  ].join("\n");
}
