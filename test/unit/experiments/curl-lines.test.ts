import { describe, expect, test } from "vitest";
import { methods } from "../../../config/vocabulary";
import { curlLines } from "../../../experiments/curl-lines";
import { labFacts } from "../verify/fake/facts";

const { settings } = labFacts();
const url = "http://127.0.0.1:23456";
const lab = { stack: "dev" };

describe("the curl lines of the story", () => {
  test("are through, delayed, refused and no such host", () => {
    expect(curlLines(settings, url, lab)).toEqual([
      "curl -i -H 'Host: appb.opssec.in' http://127.0.0.1:23456/get   # 200 through gateway and waypoint",
      "curl -i -H 'Host: appb.opssec.in' http://127.0.0.1:23456/headers   # 200, and 50 % of them take 2s",
      "curl -i -X POST -H 'Host: appb.opssec.in' http://127.0.0.1:23456/post   # 403 RBAC: access denied, by the waypoint",
      "curl -i -H 'Host: nobody.opssec.in' http://127.0.0.1:23456/get   # 404 by the gateway, which has no route for the host",
    ]);
  });

  test("show a refusal where the policy does not name the gateway", () => {
    const [first, ...others] = curlLines({ ...settings, allowedCallers: ["appa"] }, url, lab);
    expect(first).toMatch(/\/get {3}# 403 RBAC: access denied/);
    expect(others).toEqual([expect.stringContaining("# 404")]);
  });

  test("leave out what the settings do not have", () => {
    const lines = curlLines({ ...settings, faultEnabled: false, allowedMethods: methods }, url, lab);
    expect(lines.map((line) => line.split("# ")[1]?.slice(0, 3))).toEqual(["200", "404"]);
  });

  test("use the method that is allowed, on a path without the fault", () => {
    const [first] = curlLines({ ...settings, allowedMethods: ["HEAD"], faultPath: "/any" }, url, lab);
    expect(first).toContain("curl -I -H 'Host: appb.opssec.in' http://127.0.0.1:23456/status/200 ");
  });

  test("ask by HTTPS for a name, since a certificate is for one", () => {
    const tls = { url: "https://127.0.0.1:13456", caFile: "/labs/dev/gateway-ca.pem" };
    const lines = curlLines(settings, url, { ...lab, tls });
    const trust = "--cacert /labs/dev/gateway-ca.pem --connect-to '::127.0.0.1:'";
    expect(lines.slice(3, 5)).toEqual([
      `curl -i ${trust} https://secure.opssec.in:13456/get   # 200 by HTTPS`,
      `curl -i -L ${trust} http://secure.opssec.in:23456/get   # 301 to HTTPS by the gateway, then 200`,
    ]);
    const [plain] = curlLines(settings, "http://192.0.2.1", {
      ...lab,
      tls: { ...tls, url: "https://192.0.2.1" },
    }).slice(4);
    expect(plain).toContain("--connect-to '::192.0.2.1:' http://secure.opssec.in/get ");
  });

  test("bear a token that is made when they are run", () => {
    const lines = curlLines({ ...settings, modules: ["gateway-jwt"] }, url, lab);
    expect(lines.slice(3, 5)).toEqual([
      `curl -i -H 'Host: jwt.opssec.in' -H "Authorization: Bearer $(npm run --silent lab -- token --stack dev)" ${url}/get   # 200 with a token`,
      `curl -i -H 'Host: jwt.opssec.in' ${url}/get   # 403 by the gateway, without one`,
    ]);
  });
});
