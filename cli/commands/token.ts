import { type Command, InvalidArgumentError, Option } from "commander";
import { type LabError, UsageError } from "../../host/errors";
import { disabledReason } from "../../modules/enabled";
import { claim } from "../../modules/gateway-jwt/objects";
import { tokenFor } from "../../verify/probe/token";
import { runningLab } from "../stack/running-lab";
import { type CommandContext, common, examples, json, jsonText } from "./common";

interface TokenOptions {
  stack?: string;
  claims: Record<string, unknown>;
  for: number;
  json?: boolean;
}

const usual = { [claim.name]: [claim.value] };

/** `token`: prints a token that the lab's gateway accepts. */
export function registerToken(program: Command, { io }: CommandContext): void {
  const command = program.command("token").description("print a token that the gateway accepts (module gateway-jwt)");
  examples(
    json(common(command))
      .option("--claims <json>", `its claims, a JSON object (default: ${JSON.stringify(usual)})`, claims, usual)
      .addOption(
        new Option("--for <time>", "its lifetime, such as 30s or 10m, at most 60m")
          .argParser(seconds)
          .default(600, "10m"),
      ),
    "npm run --silent lab -- token",
    "npm run --silent lab -- token --for 30s",
    `npm run --silent lab -- token --claims '{"groups": ["guests"]}'   # a good token that is let in nowhere`,
  );
  command.action(async (options: TokenOptions) => {
    const facts = await runningLab(io, options);
    const off = disabledReason({ module: "gateway-jwt" }, facts.settings);
    if (off) throw withoutModule(facts.stack);
    const lab = await io.openLabClient(facts);
    const spec = { claims: options.claims, seconds: options.for };
    const token = await tokenFor({ facts, lab, clock: io.clock }, spec, io.signal);
    io.stdout.write(options.json ? jsonText({ token, ...spec }) : `${token}\n`);
  });
}

function withoutModule(stack: string): LabError {
  return new UsageError({
    what: `Lab "${stack}" takes no tokens`,
    why: "Its stack does not name the module gateway-jwt, which brings their issuer",
    fix: `npm run up -- --stack ${stack} --config 'modules=[gateway-jwt]'`,
  });
}

function claims(text: string): Record<string, unknown> {
  const problem = new InvalidArgumentError('It is a JSON object, such as {"groups": ["lab"]}.');
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw problem;
    return { ...value };
  } catch {
    throw problem;
  }
}

function seconds(text: string): number {
  const [, number, unit] = /^(\d+)(s|m)$/.exec(text) ?? [];
  const value = Number(number) * (unit === "m" ? 60 : 1);
  if (value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError("It is a time with its unit, such as 30s or 10m, at most 60m.");
}
