import { join } from "node:path";
import { expect, test } from "vitest";
import { commandLine } from "../../../cli/run";
import { commandsPage } from "../../../tools/docs/commands-page";
import { fakeIo } from "../cli/world";

test("docs/reference/commands.md is what the help says (npm run docs)", async () => {
  const program = await commandLine({ io: fakeIo(), end: () => {}, note: () => {} });
  await expect(commandsPage(program)).toMatchFileSnapshot(join(__dirname, "../../../docs/reference/commands.md"));
});
