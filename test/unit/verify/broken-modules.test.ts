import { describe, it } from "vitest";
import { brokenModules } from "./fake/broken-modules";
import { expectDetected } from "./fake/detected";

describe("verifyLab() of a broken lab with modules", () => {
  it.each(brokenModules)("does not pass with $name", expectDetected);
});
