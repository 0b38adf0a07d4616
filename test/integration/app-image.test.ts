import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { versions } from "../../config/versions";
import { exec } from "../../host/exec";
import { requires } from "../support/skip";

const skip = requires("app-image", { programs: ["go"] });

/** The server of images/httpbin/Dockerfile, with and without the environment that the image gives it. */
describe.skipIf(skip)("the apps' server", () => {
  const dockerfile = readFileSync(join(__dirname, "../../images/httpbin/Dockerfile"), "utf8");
  const ofImage = Object.fromEntries(
    (/^ENV (.+)$/m.exec(dockerfile)?.[1] ?? "").split(" ").map((each) => each.split("=") as [string, string]),
  );
  const bin = mkdtempSync(join(tmpdir(), "httpbin-"));
  let server: ChildProcess | undefined;

  beforeAll(async () => {
    const module = `github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin@${versions.httpbin}`;
    const env = { ...process.env, GOBIN: bin, CGO_ENABLED: "0" };
    const built = await exec("go", ["install", module], { env, timeoutMs: 300_000 });
    expect(built.code, built.stderr).toBe(0);
  }, 320_000);

  afterEach(() => void server?.kill());

  /** Opens a connection, and sends the request so much later. @returns the status line, "" for a connection that is closed */
  async function answerAfter(env: Record<string, string>, ms: number, port: number): Promise<string> {
    server = spawn(join(bin, "go-httpbin"), ["-host", "127.0.0.1", "-port", String(port)], { env, stdio: "ignore" });
    for (;;) {
      const socket = connect(port, "127.0.0.1");
      const text = await new Promise<string | undefined>((resolve) => {
        let got = "";
        socket.once("error", () => resolve(undefined));
        socket.on("data", (chunk) => (got += chunk));
        socket.once("close", () => resolve(got));
        socket.once("connect", async () => {
          await delay(ms);
          socket.write("GET /status/200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        });
      });
      if (text !== undefined) return text.split("\r\n")[0] ?? "";
      await delay(50);
    }
  }

  test("answers a request that arrives 1.5 s after its connection, as through proxies of a busy machine", async () => {
    expect(await answerAfter(ofImage, 1_500, 18_431)).toBe("HTTP/1.1 200 OK");
  });

  test("without the environment of the image it closes such a connection", async () => {
    expect(await answerAfter({}, 1_500, 18_432)).not.toContain("200 OK");
    server?.kill();
    expect(await answerAfter({}, 0, 18_433)).toBe("HTTP/1.1 200 OK");
  });
});
