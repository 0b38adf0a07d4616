import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newEvidence } from "../../../cli/report/evidence";
import { run } from "../../../cli/run";
import { experiments } from "../../../experiments";
import { isEnabled } from "../../../modules/enabled";
import { moduleNames } from "../../../modules/index";
import { verifyLab } from "../../../verify";
import type { VerifyReport } from "../../../verify/report/schema";
import { type FakeWorld, fakeWorld } from "../verify/fake/world";
import { FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();

/** A request as the lab in memory got it. */
interface Got {
  method: string;
  target: string;
  tls: boolean;
  token: boolean;
}

/** The requests that the lab in memory gets through its gateway, by the id in their query. */
function watched(lab: FakeWorld): ReadonlyMap<string, Got> {
  const got = new Map<string, Got>();
  const { gateway } = lab;
  lab.gateway = (request, signal) => {
    const { method, host: target, tls = false, headers, path } = request;
    got.set(idOf(`http://gateway${path}`), { method, target, tls, token: headers.authorization !== undefined });
    return gateway(request, signal);
  };
  return got;
}

const idOf = (url: string) => new URL(url).searchParams.get("probe") ?? "";

/** The requests and calls that the experiments of the lab name. Those that change the lab judge more of their own. */
function named({ facts }: FakeWorld["state"]): string[] {
  const steps = experiments
    .filter((experiment) => isEnabled(experiment, facts.settings))
    .flatMap((experiment) => experiment.steps(facts.settings));
  return steps.flatMap((step): string[] => {
    if (step.kind === "probe") return [step.name];
    return step.check === "grpc-calls" ? step.calls.map(({ name }) => name) : [];
  });
}

/** Number of requests that a page or a Markdown file shows: by their way, or in the table of the modules' applications. */
function shownIn(file: string): number {
  const text = readFileSync(file, "utf8");
  const count = (part: string, pattern: RegExp) => [...part.matchAll(pattern)].length;
  const total = (part: string, pattern: RegExp) =>
    [...part.matchAll(pattern)].reduce((sum, [, number]) => sum + Number(number), 0);
  if (file.endsWith(".html")) {
    const [table = ""] = /<section id="elsewhere"[\s\S]*?<\/section>/.exec(text) ?? [];
    return total(text, /<summary>(\d+) requests? on this path<\/summary>/g) + count(table, /<th scope="row">/g);
  }
  const section = (heading: string) => text.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = count(section("Requests to the modules' applications"), /^\| (?!Caller|---)/gm);
  return total(section("Request paths"), /^- .* \((\d+)\)$/gm) + rows;
}

const judgedIn = ({ results }: VerifyReport) =>
  results.flatMap(({ findings }) => findings).filter(({ decision }) => decision !== undefined);

const labs: [string, readonly (typeof moduleNames)[number][]][] = [
  ["the story", []],
  ...moduleNames.map((name): [string, (typeof moduleNames)[number][]] => [`module ${name}`, [name]]),
  ["every module", moduleNames],
];

describe.each(labs)("the evidence of %s", (_name, modules) => {
  test("is read by report and list, and every request that was judged is in the report", async () => {
    const lab = await fakeWorld({ modules });
    const { facts, clock } = lab.state;
    const got = watched(lab);
    const folder = newEvidence(facts.stack);
    const report = await verifyLab(facts, { lab, clock, evidenceDir: folder });
    const judged = judgedIn(report);
    expect(judged.map(({ name }) => name)).toEqual(expect.arrayContaining(named(lab.state)));
    expect(judged.length).toBeGreaterThanOrEqual(named(lab.state).length);

    const files = { html: join(folder, "page.html"), markdown: join(folder, "page.md") };
    const reported = fakeIo();
    const args = ["report", "--evidence", folder, "--out", files.html, "--markdown", files.markdown];
    expect(await run(args, reported), reported.err()).toBe(0);
    const listed = fakeIo({ engine: new FakeEngine([`organization/ambient-lab/${facts.stack}`]) });
    expect(await run(["list", "--json"], listed)).toBe(0);
    expect(JSON.parse(listed.out())[0].verdict).toEqual({ verdict: "pass", at: report.startedAt });

    expect(shownIn(files.html)).toBe(judged.length);
    expect(shownIn(files.markdown)).toBe(judged.length);
    const kept: VerifyReport = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
    for (const { request } of judgedIn(kept).filter((finding) => finding.request?.to === "gateway")) {
      const { url = "", method, target, token } = request ?? {};
      expect({ method, target, tls: url.startsWith("https:"), token }).toEqual(got.get(idOf(url)));
    }
  });
});
