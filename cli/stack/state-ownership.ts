import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { backendFolder, type Checkout } from "../../host/backend";
import { UsageError } from "../../host/errors";
import { labHome } from "../../host/paths";
import { projectFile } from "../../host/project-file";
import { shellWord } from "../../host/shell";
import type { Engine, StackState } from "../engine/types";

/**
 * Refuses a state folder with Pulumi's legacy layout, which identifies a stack only by its name: all projects share a stack
 * "dev" there.
 * @throws UsageError that names the folder and its stacks
 */
export function requireProjectLayout(checkout: Checkout): void {
  const folder = backendFolder(checkout);
  if (folder === undefined || !isLegacy(folder, checkout.env)) return;
  const stacks = legacyStacks(folder);
  const own = join(labHome(), "state");
  throw new UsageError({
    what: `The state in ${folder} has Pulumi's legacy layout${stacks.length > 0 ? `, with the stacks ${stacks.join(", ")}` : ""}`,
    why: "All projects share a stack name in that layout: the lab would use another project's stack of the same name",
    fix: `mkdir -p ${shellWord(own)} && export PULUMI_BACKEND_URL=${shellWord(`file://${own}`)}   (gives the lab its own folder; then run the command again)`,
  });
}

/** Whether Pulumi uses the legacy layout in a folder (pulumi v3.259.0, pkg/backend/diy/meta.go, ensurePulumiMeta). */
function isLegacy(folder: string, env: NodeJS.ProcessEnv): boolean {
  const file = join(folder, ".pulumi", "meta.yaml");
  if (existsSync(file)) return metaSchema.safeParse(parseYaml(readFileSync(file, "utf8"))).data?.version === 0;
  const { PULUMI_DIY_BACKEND_LEGACY_LAYOUT, PULUMI_SELF_MANAGED_STATE_LEGACY_LAYOUT } = env;
  const wanted = PULUMI_DIY_BACKEND_LEGACY_LAYOUT ?? PULUMI_SELF_MANAGED_STATE_LEGACY_LAYOUT ?? "";
  return /^(1|true)$/i.test(wanted) || legacyStacks(folder).length > 0;
}

const metaSchema = z.object({ version: z.int() });

/** Stacks of the legacy layout: files directly in `stacks` (pkg/backend/diy/store.go, legacyReferenceStore). */
function legacyStacks(folder: string): string[] {
  const stacks = join(folder, ".pulumi", "stacks");
  if (!existsSync(stacks)) return [];
  return readdirSync(stacks, { withFileTypes: true }).flatMap((entry) => {
    const [, name] = /^(.+)\.(?:json|ya?ml)(?:\.gz|\.zst)?$/.exec(entry.name) ?? [];
    return entry.isFile() && name ? [name] : [];
  });
}

/**
 * State of the stack, for a command that changes its resources.
 * @throws UsageError when a resource belongs to another project, as in a bucket with the legacy layout
 */
export async function ownState(engine: Pick<Engine, "state">): Promise<StackState> {
  const state = await engine.state();
  const project = projectFile().name;
  // A URN is urn:pulumi:STACK::PROJECT::TYPE::NAME.
  const others = state.resources.map(({ urn }) => urn.split("::")[1]).filter((name) => name !== project);
  if (others.length === 0) return state;
  throw new UsageError({
    what: `The stack holds resources of the project ${[...new Set(others)].join(", ")}`,
    why: `The lab changes and removes stacks of the project ${project} alone`,
    fix: "npm run up -- --stack alice   (another stack name)",
  });
}
