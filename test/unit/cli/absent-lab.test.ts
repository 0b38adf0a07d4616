import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { checkout, FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();

/** What the real engine does when it is asked about a stack that it does not know. */
class StrictEngine extends FakeEngine {
  override async outputs(): Promise<Record<string, unknown>> {
    throw new Error("code: -2\n stderr: error: no stack named 'alice' found");
  }
}

describe("without a lab", () => {
  test.each([["verify"], ["open", "kiali"], ["traffic"]])("%s says so, and how to make one", async (...args) => {
    const io = fakeIo({ engine: new StrictEngine() });
    expect(await run([...args, "--stack", "alice"], io)).toBe(2);
    expect(io.err()).toContain('What  There is no lab "alice"');
    expect(io.err()).toContain("Fix   npm run up -- --stack alice");
    expect(io.out()).toBe("");
  });

  test("an experiment is explained for the stack's configuration, as text and as JSON", async () => {
    const root = checkout({ "Pulumi.alice.yaml": "config:\n  ambient-lab:domain: example.org\n" });
    const explain = ["verify", "--explain", "gateway", "--stack", "alice"];
    const [text, json] = [fakeIo({ root, engine: new StrictEngine() }), fakeIo({ root, engine: new StrictEngine() })];
    expect(await run(explain, text)).toBe(0);
    expect(text.out()).toContain("Host: appb.example.org /get");
    expect(await run([...explain, "--json"], json)).toBe(0);
    const { id, steps } = JSON.parse(json.out()) as { id: string; steps: string[] };
    expect(id).toBe("gateway");
    expect(steps.join("\n")).toContain("Host: appb.example.org /get");
  });
});
