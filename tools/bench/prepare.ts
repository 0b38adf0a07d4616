import { z } from "zod";
import { asRecord } from "../../cli/plan/serves";
import { must, pulumi, pulumiOnNothing } from "./commands";
import { partsOf } from "./parts";
import type { Bench } from "./setup";

const resourceSchema = z.object({
  urn: z.string(),
  type: z.string(),
  inputs: z.record(z.string(), z.unknown()).optional(),
});
const previewSchema = z.object({ steps: z.array(z.object({ newState: resourceSchema.optional() })) });

const getImages = '. ./components/scripts/image-get.sh; for image in $NODE_IMAGE $IMAGES; do get "$image"; done';

/**
 * Brings everything that comes over the network: plugins and artifacts by a preview, images by the lab's own script. How
 * long a download takes says something of the line, and nothing of the lab.
 */
export async function bringAll(bench: Bench): Promise<void> {
  const { stdout } = await pulumi(bench, ["preview", "--json"]);
  const planned = previewSchema.parse(JSON.parse(stdout)).steps.flatMap(({ newState }) => newState ?? []);
  for (const part of partsOf(planned)) {
    if (part.do !== "build") continue;
    const { image, context, dockerfile } = part;
    await must(bench, { file: "docker", args: ["build", "--tag", image, "--file", dockerfile, context] });
  }
  for (const { type, inputs } of planned) {
    const environment = asRecord(asRecord(inputs).environment);
    if (type !== "command:local:Command" || !(environment.IMAGES || environment.NODE_IMAGE)) continue;
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
    await must(bench, { file: "/bin/sh", args: ["-c", getImages], env: { NODE_IMAGE: "", IMAGES: "", ...env } });
  }
  await pulumiOnNothing(bench, ["up", "--yes", "--skip-preview"]);
}
