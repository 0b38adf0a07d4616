import type { LabSettings } from "../config/schema";
import type { Method } from "../config/vocabulary";
import { shellWord } from "../host/shell";
import { hostOf as tokenHost } from "../modules/gateway-jwt/objects";
import { hostOf as secureHost } from "../modules/gateway-tls/objects";
import { controlPath, forbiddenMethod, outcomeAtWaypoint, pathFor, usualMethod } from "./requests";
import type { LabFacts } from "./types";

/**
 * Requests of the story as lines for a shell, each with the expected answer as a comment.
 *
 * @param url reach of the gateway, such as "http://127.0.0.1:8080"
 * @param lab its stack, and its HTTPS address where it has one
 */
export function curlLines(settings: LabSettings, url: string, lab: Pick<LabFacts, "stack" | "tls">): string[] {
  const { domain, faultEnabled, faultPath, faultDelay, faultPercent } = settings;
  const usual = usualMethod(settings);
  const forbidden = forbiddenMethod(settings);
  const control = controlPath(settings, usual) ?? pathFor(usual);
  const may = outcomeAtWaypoint(settings, "host", usual).outcome === "answered";
  const refused = "403 RBAC: access denied, by the waypoint";
  const line = (method: Method, path: string, answer: string, host = `appb.${domain}`) =>
    `curl ${flags(method)} -H 'Host: ${host}' ${url}${path}   # ${answer}`;
  return [
    line(usual, control, may ? "200 through gateway and waypoint" : refused),
    ...(may && faultEnabled ? [line(usual, faultPath, `200, and ${faultPercent} % of them take ${faultDelay}`)] : []),
    ...(may && forbidden ? [line(forbidden, pathFor(forbidden), refused)] : []),
    ...(lab.tls ? tlsLines(settings, url, lab.tls) : []),
    ...(settings.modules.includes("gateway-jwt") ? jwtLines(settings, url, lab.stack) : []),
    line(usual, control, "404 by the gateway, which has no route for the host", `nobody.${domain}`),
  ];
}

/** By host name, since the certificate is for a name; --connect-to connects every name to the gateway. */
function tlsLines(settings: LabSettings, url: string, tls: NonNullable<LabFacts["tls"]>): string[] {
  const host = secureHost(settings.domain);
  const { method, path, answer } = ordinary(settings);
  const named = (address: string) => {
    const { protocol, hostname, port } = new URL(address);
    return { to: `--connect-to '::${hostname}:'`, url: `${protocol}//${host}${port ? `:${port}` : ""}${path}` };
  };
  const [plain, secure] = [named(url), named(tls.url)];
  const trust = `--cacert ${shellWord(tls.caFile)}`;
  return [
    `curl ${flags(method)} ${trust} ${secure.to} ${secure.url}   # ${answer} by HTTPS`,
    `curl ${flags(method)} -L ${trust} ${plain.to} ${plain.url}   # 301 to HTTPS by the gateway, then ${answer}`,
  ];
}

function jwtLines(settings: LabSettings, url: string, stack: string): string[] {
  const { method, path, answer } = ordinary(settings);
  const host = `-H 'Host: ${tokenHost(settings.domain)}'`;
  const token = `-H "Authorization: Bearer $(npm run --silent lab -- token --stack ${stack})"`;
  return [
    `curl ${flags(method)} ${host} ${token} ${url}${path}   # ${answer} with a token`,
    `curl ${flags(method)} ${host} ${url}${path}   # 403 by the gateway, without one`,
  ];
}

/** The usual request of an allowed caller, and the answer of the waypoint to the gateway. */
function ordinary(settings: LabSettings) {
  const method = usualMethod(settings);
  const path = controlPath(settings, method) ?? pathFor(method);
  const answer = outcomeAtWaypoint(settings, "host", method).outcome === "answered" ? "200" : "403 by the waypoint";
  return { method, path, answer };
}

function flags(method: Method): string {
  if (method === "GET") return "-i";
  return method === "HEAD" ? "-I" : `-i -X ${method}`;
}
