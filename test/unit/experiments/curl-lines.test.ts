import { describe, expect, test } from "vitest";
import { curlLines } from "../../../experiments/curl-lines";
import { labFacts } from "../verify/fake/facts";

const { settings } = labFacts();
const url = "http://127.0.0.1:23456";

describe("the curl lines of the story", () => {
  test("are through, delayed, refused and no such host", () => {
    expect(curlLines(settings, url)).toEqual([
      "curl -i -H 'Host: appb.opssec.in' http://127.0.0.1:23456/get   # 200 through gateway and waypoint",
      "curl -i -H 'Host: appb.opssec.in' http://127.0.0.1:23456/headers   # 200, and 50 % of them take 2s",
      "curl -i -X POST -H 'Host: appb.opssec.in' http://127.0.0.1:23456/post   # 403 RBAC: access denied, by the waypoint",
      "curl -i -H 'Host: nobody.opssec.in' http://127.0.0.1:23456/get   # 404 by the gateway, which has no route for the host",
    ]);
  });

  test("tell of a refusal where the policy does not name the gateway", () => {
    const [first, ...others] = curlLines({ ...settings, allowedCallers: ["appa"] }, url);
    expect(first).toMatch(/\/get {3}# 403 RBAC: access denied/);
    expect(others).toEqual([expect.stringContaining("# 404")]);
  });

  test("leave out what the settings do not have", () => {
    const all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    const lines = curlLines({ ...settings, faultEnabled: false, allowedMethods: all }, url);
    expect(lines.map((line) => line.split("# ")[1]?.slice(0, 3))).toEqual(["200", "404"]);
  });

  test("use the method that is allowed, on a path without the fault", () => {
    const [first] = curlLines({ ...settings, allowedMethods: ["HEAD"], faultPath: "/any" }, url);
    expect(first).toContain("curl -I -H 'Host: appb.opssec.in' http://127.0.0.1:23456/status/200 ");
  });
});
