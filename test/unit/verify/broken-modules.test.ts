import { describe, it } from "vitest";
import { brokenModules } from "./fake/broken-modules";
import { expectNoticed } from "./fake/noticed";

describe("verifyLab() in a broken world of a module", () => {
  it.each(brokenModules)("does not pass with $name", expectNoticed);
});
