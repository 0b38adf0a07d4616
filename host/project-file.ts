import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const projectSchema = z.object({
  name: z.string(),
  backend: z.object({ url: z.string().optional() }).optional(),
  config: z.record(z.string(), z.unknown()).default({}),
});

/**
 * Content of Pulumi.yaml. `pulumi new` writes another project name into it, and a stack tag into its `config`
 * (pulumi v3.259.0, pkg/cmd/pulumi/project/newcmd/new.go).
 * @param root folder of the file. @default this checkout
 */
export const projectFile = (root = join(__dirname, "..")): z.infer<typeof projectSchema> =>
  projectSchema.parse(parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")));
