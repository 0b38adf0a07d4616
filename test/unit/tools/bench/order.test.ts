import { expect, test } from "vitest";
import { plannedArtifacts } from "../../../../artifacts/fetch";
import { recordProgram } from "../../../../cli/plan/record";
import { asRecord } from "../../../../cli/plan/serves";
import { parseConfig } from "../../../../config/load";
import { type Part, partsOf } from "../../../../tools/bench/parts";
import { ownLabHome } from "../../cli/world";

ownLabHome();

/** The real lab, resource by resource, as its state would hold it. */
const lab = () =>
  recordProgram("ambient-lab", "t1", async () => {
    const { declareLab } = await import("../../../../program/lab.js");
    const host = { httpPort: 20_000, httpsPort: 10_000 };
    const config = parseConfig({});
    return declareLab({
      stack: "t1",
      owner: "u@h file:///",
      config,
      artifacts: plannedArtifacts(config.istioVersion),
      host,
    });
  });

/** Such as "Namespace istio-system": what a part holds, in words that a resource has as well. */
const contentOf = (part: Part): string[] =>
  part.do === "objects"
    ? part.objects.map(({ kind, name, patch }) => `${kind}${patch ? "Patch" : ""} ${name}`)
    : [part.name];

test("the script comes to nothing of the lab before what that needs", async () => {
  const declared = await lab();
  const parts = partsOf(declared);
  const placeOf = ({ type, name, inputs }: (typeof declared)[number]) => {
    const kind = typeof inputs.kind === "string" ? inputs.kind : "";
    const object = `${kind}${type.endsWith("Patch") ? "Patch" : ""} ${String(asRecord(inputs.metadata).name)}`;
    return parts.findIndex((part) =>
      contentOf(part).some((each) => each === name || each === object || each === inputs.name),
    );
  };
  const placed = declared.filter((resource) => resource.custom && placeOf(resource) >= 0);
  expect(placed.length).toBeGreaterThan(25);
  for (const resource of placed) {
    for (const urn of resource.dependencies) {
      const needed = placed.find((each) => each.urn === urn);
      if (needed)
        expect(placeOf(needed), `${needed.name} before ${resource.name}`).toBeLessThanOrEqual(placeOf(resource));
    }
  }
});
