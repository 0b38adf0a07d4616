import { join } from "node:path";
import { expect, test } from "vitest";
import { reportJsonSchema } from "../../../verify/report/schema";

test("docs/schema/report.json is the schema of report.json (npm run docs)", async () => {
  const text = `${JSON.stringify(reportJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot(join(__dirname, "../../../docs/schema/report.json"));
});
