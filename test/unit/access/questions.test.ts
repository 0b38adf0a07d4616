import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseQuestions, readQuestions } from "../../../access/questions/parse";
import { expectedOf } from "../../../access/questions/schema";
import { LabErrors } from "../../../host/errors";

const problemsOf = (text: string): string[] => {
  try {
    parseQuestions("q.yaml", text);
  } catch (error) {
    if (error instanceof LabErrors) return error.problems.map(({ what }) => what);
    throw error;
  }
  return [];
};

describe("a file of questions", () => {
  test("is read with the defaults of its fields", () => {
    const { questions, namespace } = parseQuestions(
      "q.yaml",
      "questions:\n  - { from: appa, to: { service: appb }, expect: allowed }\n",
    );
    expect(namespace).toBe("default");
    expect(questions).toEqual([
      { from: "appa", to: { service: "appb", path: "/", method: "GET", headers: {} }, expect: "allowed" },
    ]);
  });

  test("the example of the story is one", () => {
    expect(readQuestions("examples/questions/story.yaml").questions.length).toBeGreaterThanOrEqual(5);
  });

  test.each([
    [
      "questions:\n  - from: appa\n    to: { service: appb, methd: GET }\n    expect: allowed\n",
      /^q\.yaml:3:9: .*methd/,
    ],
    [
      "questions:\n  - from: appa\n    to: { service: appb }\n    expect: alowed\n",
      /^q\.yaml:4:13: questions\.0\.expect: is not one of/,
    ],
    [
      "questions:\n  - from: appa\n    to: { service: appb, port: 70000 }\n    expect: allowed\n",
      /^q\.yaml:3:32: questions\.0\.to\.port/,
    ],
    ["questions:\n  - from: appa\n    to: { service: appb }\n", /^q\.yaml:2:5: questions\.0\.expect/],
    ["questions: [\n", /^q\.yaml:2:1: /],
    ["questions: []\n", /^q\.yaml:1:12: questions/],
    ["", /^q\.yaml:1:1: the file|^q\.yaml: the file/],
  ])("reports the line and the column of a mistake: %j", (text, place) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(place)]);
  });

  test("reports all mistakes at once", () => {
    const text =
      "questions:\n  - { from: appa, to: { service: appb }, expect: maybe }\n  - { from: appa, to: { path: x }, expect: allowed }\n";
    expect(problemsOf(text).map((what) => what.split(": ")[0])).toEqual(["q.yaml:2:50", "q.yaml:3:31"]);
  });

  test("that is not there is a problem of the command line", () => {
    const file = join(mkdtempSync(join(tmpdir(), "questions-")), "none.yaml");
    expect(() => readQuestions(file)).toThrow(/Cannot read ".*none\.yaml"/);
    writeFileSync(file, readFileSync("examples/questions/story.yaml"));
    expect(readQuestions(file).questions.length).toBeGreaterThan(0);
  });
});

describe("an expectation", () => {
  test.each([
    ["allowed", { outcome: "allowed" }],
    ["no route", { outcome: "no-route" }],
    ["redirected", { outcome: "redirected" }],
    ["denied", { outcome: "denied" }],
    ["denied by ztunnel", { outcome: "denied", by: "ztunnel" }],
    ["delayed by 2s in 50 %", { outcome: "delayed", delay: "2s", percent: 50 }],
    ["delayed by 250ms in 5%", { outcome: "delayed", delay: "250ms", percent: 5 }],
  ])("%s", (text, expected) => {
    expect(expectedOf(text)).toEqual(expected);
  });
});
