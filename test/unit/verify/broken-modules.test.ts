import { describe, it } from "vitest";
import { brokenModules } from "./fake/broken-modules";
import { expectDetected } from "./fake/detected";

describe("verifyLab() in a broken world of a module", () => {
  it.each(brokenModules)("does not pass with $name", expectDetected);
});
