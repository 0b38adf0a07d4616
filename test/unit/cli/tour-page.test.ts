import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { serveTour, type TourServer } from "../../../cli/tour/server";
import { stepOf, TourSession } from "../../../cli/tour/session";
import { type TourStep, tour } from "../../../experiments/tour";
import { UsageError } from "../../../host/errors";
import { fakeTourLab } from "../../support/tour";

const named = (id: string): TourStep => {
  const step = stepOf(id);
  if (!step) throw new RangeError(`The tour has no step "${id}"`);
  return step;
};
const [identity, caller, bypass] = ["identity", "caller", "open-door"].map(named) as [TourStep, TourStep, TourStep];

async function done(session: TourSession, step: TourStep, action: Parameters<TourSession["start"]>[1]) {
  session.start(step, action);
  await session.idle();
  return session.stateOf(step);
}

describe("TourSession", () => {
  test("applies a change only after its preview was shown, and goes back by undo", async () => {
    const lab = fakeTourLab();
    const session = new TourSession(lab);
    await done(session, caller, "apply");
    expect(lab.calls).toEqual([]);
    expect(session.actionsOf(caller)).toEqual(["preview"]);
    expect((await done(session, caller, "preview")).preview).toContain("allowedCallers=[gateway]");
    expect(session.actionsOf(caller)).toEqual(["preview", "apply"]);
    await done(session, caller, "apply");
    expect(session.actionsOf(caller)).toEqual(["verify", "undo"]);
    expect((await done(session, caller, "verify")).report?.verdict).toBe("pass");
    await done(session, caller, "undo");
    expect(lab.settings().allowedCallers).toEqual(["appa", "gateway"]);
    expect(session.stateOf(caller)).toEqual({});
    expect(lab.calls).toEqual([
      ...["preview allowedCallers=[gateway]", "up allowedCallers=[gateway]", "verify authz-principals", "up"],
    ]);
  });

  test("offers nothing but the undo of another step's change", async () => {
    const session = new TourSession(fakeTourLab());
    await done(session, caller, "preview");
    await done(session, caller, "apply");
    expect(session.actionsOf(bypass)).toEqual(["undo"]);
    expect(session.actionsOf(identity)).toEqual(["undo"]);
    await done(session, bypass, "undo");
    expect(session.applied).toBeUndefined();
    expect(session.actionsOf(identity)).toEqual(["verify"]);
  });

  test("runs one action at a time", async () => {
    const lab = fakeTourLab();
    const session = new TourSession(lab);
    session.start(identity, "verify");
    session.start(identity, "verify");
    session.start(caller, "preview");
    expect(session.actionsOf(caller)).toEqual([]);
    await session.idle();
    expect(lab.calls).toEqual(["verify hbone"]);
  });

  test("shows the problem of a refused change, and has changed nothing", async () => {
    const refusal = new UsageError({ what: "Refused", why: "no", fix: "none" });
    const session = new TourSession(fakeTourLab({ up: () => Promise.reject(refusal) }));
    await done(session, caller, "preview");
    expect((await done(session, caller, "apply")).problem).toContain("What  Refused");
    expect(session.applied).toBeUndefined();
  });

  test("a change that failed half-way stays applied, and can be undone", async () => {
    let failing = true;
    const lab = fakeTourLab({ up: async () => (failing ? Promise.reject(new Error("half-way")) : undefined) });
    const session = new TourSession(lab);
    await done(session, caller, "preview");
    expect((await done(session, caller, "apply")).problem).toBe("half-way");
    expect(session.applied).toBe(caller);
    failing = false;
    await done(session, caller, "undo");
    expect(session.applied).toBeUndefined();
  });

  test("close() takes the change back that is applied", async () => {
    const lab = fakeTourLab();
    const session = new TourSession(lab);
    expect(await session.close(lab)).toBeUndefined();
    await done(session, caller, "preview");
    await done(session, caller, "apply");
    expect(await session.close(lab)).toBe(caller);
    expect(lab.calls.at(-1)).toBe("up");
    expect(lab.settings().allowedCallers).toEqual(["appa", "gateway"]);
  });
});

describe("serveTour()", () => {
  let server: TourServer | undefined;
  afterEach(() => server?.close());

  /** Status and text of a request with these headers. */
  const ask = (
    url: string,
    { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ) =>
    new Promise<{ code: number | undefined; text: string; location: string | undefined }>((answered, failed) => {
      const sent = request(url, { method, headers }, (response) => {
        let text = "";
        response.on("data", (data) => {
          text += data;
        });
        response.on("end", () => answered({ code: response.statusCode, text, location: response.headers.location }));
      });
      sent.on("error", failed).end();
    });

  test("listens on 127.0.0.1, and answers nobody without the secret of its address", async () => {
    server = await serveTour(new TourSession(fakeTourLab()));
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/step\/identity$/);
    expect((await ask(server.url)).code).toBe(200);
    const { origin } = new URL(server.url);
    for (const path of ["/", "/step/identity", `/${"0".repeat(32)}/step/identity`, "/htmx.js"])
      expect((await ask(`${origin}${path}`)).code, path).toBe(404);
    expect((await ask(`${server.url}x`)).code).toBe(404);
  });

  // DNS rebinding: the browser of a page at evil.test, whose name leads to 127.0.0.1, sends this Host.
  test("refuses another host, and a change that another page sends", async () => {
    const lab = fakeTourLab();
    server = await serveTour(new TourSession(lab));
    expect((await ask(server.url, { headers: { host: "evil.test" } })).code).toBe(404);
    const change = { method: "POST", headers: { origin: "http://evil.test" } };
    expect((await ask(`${server.url}/verify`, change)).code).toBe(405);
    expect((await ask(`${server.url}/verify`, { method: "PUT" })).code).toBe(405);
    expect(lab.calls).toEqual([]);
  });

  test("a form without the script goes back to its step", async () => {
    const lab = fakeTourLab();
    const session = new TourSession(lab);
    server = await serveTour(session, "waypoint");
    expect(await ask(`${server.url}/verify`, { method: "POST" })).toMatchObject({ code: 303, location: "../waypoint" });
    await session.idle();
    expect(lab.calls).toEqual(["verify waypoint-traversed"]);
    expect((await ask(server.url)).text).toContain('class="badge pass"');
  });

  test("every step is a page with its question", async () => {
    server = await serveTour(new TourSession(fakeTourLab()));
    for (const { id, title } of tour) {
      const { code, text } = await ask(server.url.replace("identity", id));
      expect(code).toBe(200);
      expect(text.replaceAll("&#39;", "'")).toContain(title);
    }
  });
});
