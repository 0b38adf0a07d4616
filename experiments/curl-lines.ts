import { controlPath, fateAtWaypoint, forbiddenMethod, pathFor, usualMethod } from "./requests";
import type { LabSettings, Method } from "./types";

/**
 * The story as lines for a shell, each with the answer to expect behind it: through, delayed, refused, no such host.
 *
 * @param url reach of the gateway, such as "http://127.0.0.1:8080"
 */
export function curlLines(settings: LabSettings, url: string): string[] {
  const { domain, faultEnabled, faultPath, faultDelay, faultPercent } = settings;
  const usual = usualMethod(settings);
  const forbidden = forbiddenMethod(settings);
  const control = controlPath(settings, usual) ?? pathFor(usual);
  const may = fateAtWaypoint(settings, "host", usual).fate === "answered";
  const refused = "403 RBAC: access denied, by the waypoint";
  const line = (method: Method, path: string, answer: string, host = `appb.${domain}`) =>
    `curl ${flags(method)} -H 'Host: ${host}' ${url}${path}   # ${answer}`;
  return [
    line(usual, control, may ? "200 through gateway and waypoint" : refused),
    ...(may && faultEnabled ? [line(usual, faultPath, `200, and ${faultPercent} % of them take ${faultDelay}`)] : []),
    ...(may && forbidden ? [line(forbidden, pathFor(forbidden), refused)] : []),
    line(usual, control, "404 by the gateway, which has no route for the host", `nobody.${domain}`),
  ];
}

function flags(method: Method): string {
  if (method === "GET") return "-i";
  return method === "HEAD" ? "-I" : `-i -X ${method}`;
}
