import { z } from "zod";
import { methods } from "../../config/vocabulary";

const name = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?";
const named = z.string().regex(new RegExp(`^(${name}/)?${name}$`), "is not NAME or NAMESPACE/NAME");

const from = z
  .union([
    z.string().min(1),
    z.strictObject({ serviceAccount: named }).describe("A ServiceAccount, NAME or NAMESPACE/NAME."),
    z
      .strictObject({
        workload: z.string().regex(/^[a-z]+\/[^/]+(\/[^/]+)?$/i, "is not KIND/NAME or KIND/NAMESPACE/NAME"),
      })
      .describe("A workload, such as deployment/appa: its ServiceAccount, and its labels."),
    z.strictObject({ namespace: z.string().min(1) }).describe('The ServiceAccount "default" of a namespace.'),
    z.strictObject({ gateway: named }).describe("A client outside the mesh, through this Gateway."),
    z.strictObject({ outside: z.string().min(1) }).describe("A pod outside the mesh, in this namespace."),
  ])
  .describe(
    'The sender: NAME or NAMESPACE/NAME of a ServiceAccount, "gateway" for a client of the only Gateway, "outside the mesh", or an object.',
  );

const to = z
  .strictObject({
    service: named.optional().describe("The Service, NAME or NAMESPACE/NAME."),
    pod: z
      .string()
      .regex(new RegExp(`^(${name}/)?${name}(-?\\*)?$`), "is not NAME or NAMESPACE/NAME, with * at its end if needed")
      .optional()
      .describe(
        "A pod, by its address: NAME or NAMESPACE/NAME. With * at its end: the first pod whose name begins so.",
      ),
    host: z.string().min(1).optional().describe("The Host header. Default: the name of the Service."),
    port: z.int().min(1).max(65535).optional().describe("Default: the only HTTP port of the Service."),
    path: z.string().startsWith("/").default("/").describe("Path, with a query if needed."),
    method: z.enum(methods).default("GET"),
    headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string()).default({}),
    token: z
      .strictObject({ env: z.string().min(1).describe("Environment variable that has the token.") })
      .optional()
      .describe("The bearer token of the request."),
  })
  .describe("The destination and the request.");

const expectations =
  /^(allowed|redirected|no route|denied(?: by (gateway|waypoint|ztunnel))?|delayed by (\d+(?:\.\d+)?(?:ms|s)) in (\d+) ?%)$/;

/** A file of questions. */
export const questionsSchema = z
  .strictObject({
    namespace: z.string().min(1).default("default").describe("Namespace of names without one."),
    questions: z
      .array(
        z.strictObject({
          name: z.string().min(1).optional().describe("Title in the report. Default: the question in words."),
          from,
          to,
          expect: z
            .string()
            .regex(
              expectations,
              'is not one of "allowed", "denied", "denied by gateway|waypoint|ztunnel", "no route", "redirected", "delayed by 2s in 50 %"',
            )
            .describe(
              '"allowed", "denied", "denied by waypoint", "no route", "redirected", or "delayed by 2s in 50 %".',
            ),
          policy: named.optional().describe("The AuthorizationPolicy that has to deny the request."),
        }),
      )
      .min(1),
  })
  .describe("Questions for `npm run lab -- prove`: who may reach what, and which layer decides.");

export type QuestionsFile = z.infer<typeof questionsSchema>;
export type Question = QuestionsFile["questions"][number];

/** The expectation of a question. */
export type Expected =
  | { outcome: "allowed" | "redirected" | "no-route" }
  | { outcome: "denied"; by?: "gateway" | "waypoint" | "ztunnel" }
  | { outcome: "delayed"; delay: string; percent: number };

/** Reads the field `expect`, which the schema has checked. */
export function expectedOf(text: string): Expected {
  const [, said = "", by, delay, percent] = expectations.exec(text) ?? [];
  if (delay) return { outcome: "delayed", delay, percent: Number(percent) };
  if (said.startsWith("denied")) {
    return by === "gateway" || by === "waypoint" || by === "ztunnel"
      ? { outcome: "denied", by }
      : { outcome: "denied" };
  }
  return { outcome: said === "no route" ? "no-route" : said === "redirected" ? "redirected" : "allowed" };
}

/** The JSON schema of a file of questions, for editors. */
export const questionsJsonSchema = (): object => ({
  ...z.toJSONSchema(questionsSchema, { io: "input" }),
  title: "Questions about who may reach what",
});
