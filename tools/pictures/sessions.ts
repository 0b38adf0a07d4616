import { shellWord } from "../../host/shell";

/** Commands of npm that are typed one after another on a lab, and recorded as one terminal. */
export interface TerminalSession {
  /** Alternative text of the picture. */
  title: string;
  /** Arguments of npm. */
  commands: readonly (readonly string[])[];
  /** Commands that are not recorded, and run after the others even if one fails. */
  undo?: readonly (readonly string[])[];
}

/** The recordings by name, in the order in which they are made of one lab. */
export const sessions: Readonly<Record<string, TerminalSession>> = {
  up: {
    title: "npm run up creates the lab and verifies every experiment",
    commands: [["run", "up"]],
  },
  preview: {
    title: "A change of allowedCallers, its preview, and the lab that follows it",
    commands: [
      ["run", "lab", "--", "config", "set", "allowedCallers", "[gateway]"],
      ["run", "preview"],
      ["run", "up", "--", "--no-verify"],
      ["run", "lab", "--", "verify", "authz-principals"],
      ["run", "lab", "--", "reach", "appb"],
    ],
    undo: [
      ["run", "lab", "--", "config", "rm", "allowedCallers"],
      ["run", "up", "--", "--no-verify"],
    ],
  },
};

/** A command as it is typed. */
export const typed = (args: readonly string[]): string => ["npm", ...args].map(shellWord).join(" ");
