import { readFileSync } from "node:fs";
import { LineCounter, parseDocument } from "yaml";
import { ExitCode, LabErrors, messageOf, type Problem, UsageError } from "../../host/errors";
import { type QuestionsFile, questionsSchema } from "./schema";

/** A file of questions, and where its parts are. */
export interface ParsedQuestions extends QuestionsFile {
  file: string;
  /** `FILE:LINE:COLUMN` of a part, for messages. */
  place(...path: readonly PropertyKey[]): string;
}

/**
 * Reads a file of questions.
 * @throws UsageError when it cannot be read; LabErrors (exit code 2) with every mistake and its place
 */
export function readQuestions(file: string): ParsedQuestions {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(
      {
        what: `Cannot read "${file}": ${messageOf(cause)}`,
        why: "It holds the questions",
        fix: "npm run lab -- prove --help",
      },
      cause,
    );
  }
  return parseQuestions(file, text);
}

/** Reads the text of a file of questions; see {@link readQuestions}. */
export function parseQuestions(file: string, text: string): ParsedQuestions {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const place = (...path: readonly PropertyKey[]): string => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      const range: unknown = Reflect.get(Object(node), "range");
      if (Array.isArray(range) && typeof range[0] === "number") return at(range[0]);
    }
    return file;
  };
  const refused = (whats: readonly string[]) =>
    new LabErrors(
      whats.map(
        (what): Problem => ({
          what,
          why: "A question that is not understood would be left out of the verdict",
          fix: "npm run lab -- prove --help   (docs/how-to/prove-your-policies.md has the format, docs/schema/questions.json its JSON schema)",
        }),
      ),
      ExitCode.usage,
    );
  if (document.errors.length > 0)
    throw refused(document.errors.map(({ pos, message }) => `${at(pos[0])}: ${message.split("\n")[0]}`));
  const parsed = questionsSchema.safeParse(document.toJS());
  if (parsed.success) return { ...parsed.data, file, place };
  throw refused(
    parsed.error.issues.map(
      ({ path, message }) => `${place(...path)}: ${path.map(String).join(".") || "the file"}: ${message}`,
    ),
  );
}
