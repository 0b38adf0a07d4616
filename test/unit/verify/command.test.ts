import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { registerVerify } from "../../../cli/commands/verify";
import { labFacts } from "./fake/facts";

async function lab(...args: string[]) {
  const seen = {
    out: "",
    err: "",
    code: -1,
    stacks: [] as (string | undefined)[],
    asked: [] as (string | undefined)[],
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: (text) => (seen.err += text) });
  registerVerify(program, {
    facts: async (stack) => {
      seen.stacks.push(stack);
      return labFacts();
    },
    open: async () => ({}),
    settings: (stack) => {
      seen.asked.push(stack);
      return labFacts().settings;
    },
    io: {
      out: (text) => (seen.out += text),
      err: (text) => (seen.err += text),
      isTty: false,
      colour: false,
      signal: new AbortController().signal,
    },
    setExitCode: (code) => (seen.code = code),
  });
  await program.parseAsync(["verify", ...args], { from: "user" });
  return seen;
}

describe("lab verify", () => {
  it("lists the experiments without a lab", async () => {
    const seen = await lab("--list");
    expect(seen.out).toMatch(/^authz-flip +Without appa in the policy/m);
    expect(seen.stacks).toEqual([]);
  });

  it("lists them as JSON", async () => {
    expect(JSON.parse((await lab("--list", "--json")).out)).toContainEqual(expect.objectContaining({ id: "bypass" }));
  });

  it("explains an experiment for the stack's own settings, without a lab", async () => {
    const seen = await lab("--explain", "gateway", "--stack", "alice");
    expect(seen.out).toContain("host: GET http://GATEWAY Host: appb.opssec.in /get");
    expect(seen).toMatchObject({ asked: ["alice"], stacks: [] });
  });

  it("refuses an id that does not exist before it looks at a cluster", async () => {
    await expect(lab("nothing")).rejects.toMatchObject({ exitCode: 2 });
  });
});
