import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type EvidenceFolder,
  evidenceHome,
  evidencePlaces,
  newEvidence,
  newestEvidence,
  readEvidence,
  recordTimeline,
} from "../../../cli/report/evidence";
import { html } from "../../../cli/report/html/escape";
import { journeySvg } from "../../../cli/report/html/journey-svg";
import { renderHtml } from "../../../cli/report/html/page";
import { journeysOf } from "../../../cli/report/journeys";
import { renderMarkdown } from "../../../cli/report/markdown";
import { samplesOf } from "../../../cli/report/samples";
import { run } from "../../../cli/run";
import { shareTest } from "../../../verify/binomial";
import { evidenceFolder, hostile, poison } from "../../support/evidence";
import { fakeIo, ownLabHome } from "./world";

ownLabHome();
let folder = "";
let evidence: EvidenceFolder;
beforeAll(async () => {
  folder = await evidenceFolder();
  evidence = readEvidence(folder);
});

describe("html", () => {
  it("escapes all but its own pieces", () => {
    expect(html`<p title="${'"'}">${"<b>"}${html`<i>${"&"}</i>`}${[1, "'"]}${undefined}</p>`.text).toBe(
      '<p title="&quot;">&lt;b&gt;<i>&amp;</i>1&#39;</p>',
    );
  });

  it("replaces characters that no document may hold", () => {
    expect(html`${"a\u0000\u001b[31mb\n"}`.text).toBe("a\uFFFDb\n");
  });
});

describe("journeysOf()", () => {
  const ways = () =>
    journeysOf(evidence.report).map(({ title, hops, legs }) => {
      const stop = hops.find(({ end }) => end);
      return `${title} | ${hops.map(({ name }) => name).join(" ")} | ${legs.map(({ identity }) => identity ?? "-").join(" ")} | ${stop?.name}`;
    });

  it("leads a caller of the mesh through its ztunnel, the waypoint and appb's ztunnel, with identities", () => {
    expect(ways()).toContain(
      "appa → Service appb: answered by appb | appa ztunnel waypoint ztunnel appb | - sa/appa sa/waypoint - | appb",
    );
  });

  it("stops a refused request where it was refused", () => {
    expect(ways()).toContain(
      "stranger → Service appb: refused by waypoint | stranger ztunnel waypoint ztunnel appb | - sa/stranger sa/waypoint - | waypoint",
    );
    expect(ways()).toContain(
      "you → other.opssec.in: refused by gateway | you gateway waypoint ztunnel appb | - sa/gateway-istio sa/waypoint - | gateway",
    );
  });

  it("shows no identity of a caller outside the mesh, and appb's own ztunnel as the one that refuses", () => {
    expect(ways()).toContain("outsider → appb's pod address: reset by ztunnel | outsider ztunnel appb | - - | ztunnel");
  });

  it("distinguishes the ztunnel on the caller's node from the one on appb's node", () => {
    const stopsOf = (title: string) => {
      const hops = journeysOf(evidence.report).find((journey) => journey.title === title)?.hops ?? [];
      return hops.map(
        ({ name, role, end, recorded }) =>
          `${name} ${role}${recorded ? "" : " (not recorded)"}${end ? `: ${end}` : ""}`,
      );
    };
    expect(stopsOf("appa → appb's pod address: reset by ztunnel")).toEqual([
      ...["appa pod", "ztunnel L4, caller's node", "ztunnel L4, appb's node: stopped", "appb pod (not recorded)"],
    ]);
    expect(stopsOf("outsider → appb's pod address: reset by ztunnel")).toEqual([
      ...["outsider pod", "ztunnel L4, appb's node: stopped", "appb pod (not recorded)"],
    ]);
    expect(stopsOf("stranger → Service appb: refused by waypoint").slice(0, 3)).toEqual([
      ...["stranger pod", "ztunnel L4, caller's node", "waypoint L7, Envoy: stopped"],
    ]);
  });

  it("does not claim a record that is not there", () => {
    const far = journeysOf(evidence.report).map(({ hops, stopped }) => (stopped ? undefined : hops.at(-2)));
    for (const hop of far.filter((each) => each !== undefined))
      expect(hop).toMatchObject({ reached: true, recorded: false });
  });

  it("leaves out the waypoint where a request went past it, and Services that are not of the story", async () => {
    const { report } = readEvidence(await evidenceFolder({ modules: ["fail-open", "l4-l7"] }));
    const found = journeysOf(report).map(({ title, hops }) => `${title} | ${hops.map(({ name }) => name).join(" ")}`);
    expect(found).toContain(
      "stranger → Service appb: answered by appb, past the waypoint | stranger ztunnel ztunnel appb",
    );
    expect(found).toContain("you → appb.opssec.in: answered by appb, past the waypoint | you gateway ztunnel appb");
    expect(found.filter((way) => way.startsWith("stranger → Service appb: reset"))).toEqual([
      "stranger → Service appb: reset by ztunnel, past the waypoint | stranger ztunnel ztunnel appb",
    ]);
    expect(report.results.map(({ id }) => id)).toContain("l4-l7");
  });

  it("distinguishes appa of the second namespace from appa, and omits pods that are not part of the story", async () => {
    const { report } = readEvidence(await evidenceFolder({ modules: ["cross-namespace"] }));
    const titles = journeysOf(report).map(({ title }) => title);
    expect(titles).toContain("second/appa → Service appb: refused by waypoint");
    expect(titles).toContain("appa → appb's pod address: reset by ztunnel");
    const reset = journeysOf(report).find(({ title }) => title === "appa → appb's pod address: reset by ztunnel");
    expect(reset?.requests.map(({ experiment }) => experiment)).not.toContain("cross-namespace");
  });

  it("distinguishes HTTPS from HTTP, and a redirect from a refusal", async () => {
    const { report } = readEvidence(await evidenceFolder({ modules: ["gateway-tls"] }));
    const ways = journeysOf(report).filter(({ title }) => title.includes("secure."));
    expect(ways.map(({ title, legs, stopped }) => [title, legs[0]?.transport, stopped])).toEqual([
      ["you → https://secure.opssec.in: answered by appb", "TLS", false],
      ["you → secure.opssec.in: redirected by gateway", "plain", false],
    ]);
  });

  it("describes the path as text", () => {
    const [first] = journeysOf(evidence.report);
    expect(first && journeySvg(first).text).toMatch(/role="img" aria-labelledby="way-1-title way-1-desc"/);
  });
});

describe("samplesOf()", () => {
  it("takes the band from the experiment and the latencies from the evidence", () => {
    const samples = samplesOf(evidence.report);
    // A share takes one to three batches, as chance has it.
    const { looks } = shareTest(50, 5e-4);
    const look = looks.find(({ sent }) => sent === samples[0]?.milliseconds.length);
    expect(samples.map(({ label, milliseconds }) => [label, milliseconds.length])).toEqual([
      ["appa /headers", look?.sent],
      ["appa /get", 60],
      ["gateway /headers", expect.toBeOneOf(looks.map(({ sent }) => sent))],
      ["gateway /get", 60],
    ]);
    expect(samples[0]?.share).toEqual({ percent: 50, ...look?.claimed, toldFrom: [40, 60] });
    expect(samples[1]).toMatchObject({ slow: 0 });
    expect(samples[1]).not.toHaveProperty("share");
  });
});

describe("the waypoint's routes", () => {
  it("are shown with filters, rules, weights and features, and without the chains that serve no Service", async () => {
    const folder = await evidenceFolder({ modules: ["traffic-split"], faultEnabled: true });
    const file = join(folder, "config-waypoint.json");
    const kept = JSON.parse(readFileSync(file, "utf8"));
    kept.http.push({ ...kept.http[0], chain: "metrics" });
    const [chain] = kept.http.filter((each: { chain: string }) => each.chain.startsWith("inbound-vip"));
    chain.routes.unshift({
      match: "prefix /x",
      cluster: "-",
      weights: [
        { cluster: "a", weight: 80 },
        { cluster: "b", weight: 20 },
      ],
      timeoutMs: 500,
    });
    writeFileSync(file, JSON.stringify(kept));
    const read = readEvidence(folder);
    const page = await renderHtml(read);
    const section = /<section id="routes"[\s\S]*?<details/.exec(page)?.[0] ?? "";
    expect(section).toContain("<code>a (80), b (20)</code></td><td>timeout 500 ms</td>");
    expect(section).toContain('<span class="chip key">rbac</span>');
    expect(section).toMatch(/<li><code>ALLOW ns\[default\]-policy\[appb-l7\]/);
    expect(section).not.toContain("<h3><code>metrics</code>");
    expect(renderMarkdown(read)).toContain("| prefix /x | a (80), b (20) | timeout 500 ms |");
  });

  it("say why the configuration is absent", async () => {
    const folder = await evidenceFolder();
    writeFileSync(join(folder, "config-waypoint.json"), JSON.stringify({ unavailable: "no pod of waypoint" }));
    expect(await renderHtml(readEvidence(folder))).toContain("<pre>unavailable: no pod of waypoint</pre>");
  });
});

describe("the page", () => {
  it("loads nothing, runs nothing, and lets nothing out of the evidence become markup", async () => {
    const poisoned = await evidenceFolder();
    poison(poisoned);
    const page = await renderHtml(readEvidence(poisoned));
    expect(page.match(/<script|<img|<link|<iframe|@import|url\(|[^\P{Cc}\n\t]/iu)).toBeNull();
    expect(page.match(/(?<=<[^>]*\s)(?:src|href)="(?!#)[^"]*"/g) ?? []).toEqual([]);
    expect(page).toContain("&lt;script&gt;alert(1)");
    expect(renderMarkdown(readEvidence(poisoned))).not.toMatch(/(?<!\\)<(script|img)/);
  });

  it("has a heading for every section, and no empty section", async () => {
    const page = await renderHtml(evidence);
    expect([...page.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map(([, heading]) => heading)).toEqual([
      "Verdicts",
      "The injected delay",
      "Refused requests",
      "Request paths",
      "The waypoint&#39;s routes".replace("&#39;", "'"),
      "Versions and settings",
    ]);
    expect(page.match(/<th(?![^>]*scope=)(?!ead)/g)).toBeNull();
  });

  it("names a cause and its Fix before the experiments that failed by it", async () => {
    const broken = await evidenceFolder({}, undefined, (state) => state.objects.delete("Gateway/default/waypoint"));
    const page = await renderHtml(readEvidence(broken));
    const attention = /<section id="attention"[\s\S]*?<\/section>/.exec(page)?.[0] ?? "";
    const places = ["<li>Gateway/waypoint ", "Fix: <code>", 'class="finding is-fail"'].map((text) =>
      attention.indexOf(text),
    );
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it("is made of a run that skipped the fault, or of one experiment", async () => {
    const page = await renderHtml(readEvidence(await evidenceFolder({ faultEnabled: false, addons: [] })));
    expect(page).toContain("faultEnabled is false");
    expect(page).not.toContain("The injected delay");
  });
});

describe("the evidence that the lab keeps", () => {
  const phases = [
    { title: "Machine", startMs: 10.4, ms: 500 },
    { title: "Proofs", startMs: 600, ms: 30_000 },
  ];

  it("has the phases of up beside it, and is the newest", async () => {
    const kept = newEvidence("kept");
    recordTimeline(kept, "kept", phases);
    expect(existsSync(kept)).toBe(false);
    await evidenceFolder({}, kept);
    recordTimeline(kept, "kept", phases);
    const found = readEvidence(newestEvidence(evidencePlaces("kept")));
    expect(found.timeline?.phases[0]).toEqual({ title: "Machine", startMs: 10, ms: 500 });
    expect(await renderHtml(found)).toContain('aria-label="Phases of up"');
    expect(renderMarkdown(found)).toContain("| Proofs | 30.0 s |");
  });

  it("is that of the last ten runs", () => {
    for (let minute = 10; minute < 25; minute += 1)
      mkdirSync(newEvidence("many", new Date(`2026-11-23T10:${minute}:00Z`)), { recursive: true });
    const names = readdirSync(evidenceHome("many"));
    expect(names).toHaveLength(10);
    expect(names.sort()[0]).toBe("2026-11-23T10-15-00.000Z");
  });
});

describe("lab report", () => {
  it("writes page and Markdown, and prints where", async () => {
    const [out, markdown] = [join(folder, "sub", "a.html"), join(folder, "a.md")];
    const io = fakeIo();
    expect(await run(["report", "--evidence", folder, "--out", out, "--markdown", markdown], io)).toBe(0);
    expect(io.out()).toBe(`file://${out}\nfile://${markdown}\n`);
    expect(readFileSync(markdown, "utf8")).toContain("| appa /headers |");
    expect(existsSync(out)).toBe(true);
  });

  it("says what is missing when there is no evidence, or one that it does not know", async () => {
    const empty = mkdtempSync(join(tmpdir(), "lab-none-"));
    expect(() => newestEvidence([empty])).toThrow(/There is no evidence in/);
    writeFileSync(join(empty, "report.json"), '{"schema":"something/v9"}');
    const io = fakeIo();
    expect(await run(["report", "--evidence", empty], io)).toBe(2);
    expect(io.err()).toMatch(/What {2}Cannot read[\s\S]*Why[\s\S]*Fix/);
    expect(hostile).toContain("script");
  });

  it("takes the newest folder of several", () => {
    const place = mkdtempSync(join(tmpdir(), "lab-places-"));
    for (const [name, at] of [
      ["old", 1000],
      ["new", 2000],
    ] as const) {
      mkdirSync(join(place, name));
      writeFileSync(join(place, name, "report.json"), "{}");
      utimesSync(join(place, name, "report.json"), at, at);
    }
    expect(newestEvidence([place, "/nowhere"])).toBe(join(place, "new"));
  });
});
