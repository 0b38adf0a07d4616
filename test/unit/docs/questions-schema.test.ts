import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { questionsJsonSchema } from "../../../access/questions/schema";

describe("docs/schema/questions.json", () => {
  test("is the schema by which questions are read (npm run docs)", async () => {
    const text = `${JSON.stringify(questionsJsonSchema(), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(join(__dirname, "../../../docs/schema/questions.json"));
  });

  test("has a description of each field that a question may have", () => {
    const { properties } = questionsJsonSchema() as {
      properties: { questions: { items: { properties: Record<string, { description?: string }> } } };
    };
    const described = Object.entries(properties.questions.items.properties);
    expect(described.map(([name]) => name)).toEqual(["name", "from", "to", "expect", "policy"]);
    for (const [name, { description }] of described) expect(description, name).toMatch(/^.{10,}\.$/);
  });
});
