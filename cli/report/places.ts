import { join } from "node:path";
import { labHome } from "../../host/paths";

/** Folder of the evidence that the lab keeps of a stack; it outlives the stack, because it is asked for after a failure. */
export const evidenceHome = (stack: string): string => join(labHome(), "evidence", stack);

/** Where evidence is looked for: where people are told to put it, and where the lab puts it itself. */
export const evidencePlaces = (stack: string): string[] => ["evidence", evidenceHome(stack)];
