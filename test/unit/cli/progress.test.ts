import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Follower } from "../../../cli/engine/follow";
import { Progress } from "../../../cli/terminal/progress";
import { eventsOf, fakeIo } from "./world";

describe("progress in a log", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] }));
  afterEach(() => void vi.useRealTimers());

  test("names what is awaited and for how long, once in half a minute", async () => {
    const io = fakeIo();
    const follower = new Follower(new Progress(io));
    const path = "ambientlab:cluster:KindCluster$command:local:Command::cluster-kind";
    const [began, ended] = eventsOf([{ op: "create", path }]);
    await follower.during(async (onEvent) => {
      if (began) onEvent(began);
      vi.advanceTimersByTime(70_000);
      if (ended) onEvent(ended);
      vi.advanceTimersByTime(20_000);
    });
    expect(io.err().split("\n").slice(0, 3)).toEqual([
      "  0 done, now cluster-kind 30 s",
      "  0 done, now cluster-kind 60 s",
      expect.stringMatching(/✓ .*cluster-kind {2}Command created {2}70 s$/),
    ]);
    expect(io.err().trimEnd().split("\n")).toHaveLength(3);
  });
});

test("text from the cluster cannot move the cursor, and the lab's own colours stay", () => {
  const io = fakeIo({ live: true });
  const progress = new Progress(io);
  progress.line(`${progress.colors.green("mine")}\u001b[2A\u001b[2K\u001b]0;title\u0007\rtheirs`);
  progress.status("\u001b[2Adone");
  expect(io.err()).toContain("\u001b[32mmine\u001b[39m\uFFFDtheirs\n");
  expect(io.err()).not.toContain("\u001b[2A");
});
