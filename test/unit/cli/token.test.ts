import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import type { ModuleName } from "../../../modules/index";
import { fakeWorld } from "../verify/fake/world";
import { FakeEngine, fakeIo } from "./world";

/** The command line of a person whose lab has the modules. */
async function lab(modules: ModuleName[]) {
  const world = await fakeWorld({ modules });
  const engine = new FakeEngine(["dev"]);
  const { settings, url, kubeconfig, context, versions } = world.state.facts;
  engine.stackOutputs = { url, kubeconfig, context, versions, settings: { ...settings, cluster: "kind" } };
  return fakeIo({ engine, openLabClient: async () => world, clock: world.state.clock });
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

describe("lab token", () => {
  test("prints a token and nothing else, for a curl line to take", async () => {
    const io = await lab(["gateway-jwt"]);
    expect(await run(["token"], io)).toBe(0);
    expect(io.out()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { groups, iat, exp } = claimsOf(io.out());
    expect([groups, exp - iat]).toEqual([["lab"], 630]);
  });

  test("claims what is asked, for as long as is asked", async () => {
    const io = await lab(["gateway-jwt"]);
    expect(await run(["token", "--claims", '{"groups": ["guests"]}', "--for", "30s", "--json"], io)).toBe(0);
    const { token, seconds } = JSON.parse(io.out());
    expect([claimsOf(token).groups, seconds]).toEqual([["guests"], 30]);
  });

  test("says which module it wants", async () => {
    const io = await lab([]);
    expect(await run(["token"], io)).toBe(2);
    expect(io.err()).toContain("npm run up -- --stack dev --config 'modules=[gateway-jwt]'");
  });

  test.each([
    [["--for", "30"], "a time with its unit"],
    [["--for", "2h"], "a time with its unit"],
    [["--claims", "groups=lab"], "a JSON object"],
    [["--claims", "[]"], "a JSON object"],
  ])("refuses %j", async (args, words) => {
    const io = await lab(["gateway-jwt"]);
    expect(await run(["token", ...args], io)).toBe(2);
    expect(io.err()).toContain(words);
  });
});
