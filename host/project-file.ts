import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const projectSchema = z.object({
  name: z.string(),
  backend: z.object({ url: z.string().optional() }).optional(),
  config: z.record(z.string(), z.unknown()).default({}),
});

type ProjectFile = z.infer<typeof projectSchema>;

/** Result of the last read. A command reads the file several times, and parsing it is slow. */
let last: { text: string; content: ProjectFile } | undefined;

/**
 * Content of Pulumi.yaml. `pulumi new` writes another project name into it, and a stack tag into its `config`
 * (pulumi v3.259.0, pkg/cmd/pulumi/project/newcmd/new.go).
 * @param root folder of the file. @default this checkout
 */
export function projectFile(root = join(__dirname, "..")): ProjectFile {
  const text = readFileSync(join(root, "Pulumi.yaml"), "utf8");
  if (last?.text !== text) last = { text, content: projectSchema.parse(parse(text)) };
  return last.content;
}
