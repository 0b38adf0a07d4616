import { parsedJson } from "../json";

/** Fields of a line of ztunnel or agentgateway, `key=value` or `key="a value"`. */
export const fieldsOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/([\w.]+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map(([, key, quoted, bare]) => [key, quoted ?? bare]),
  );

/** The JSON object at the end of a line; undefined when there is none. */
export const jsonOf = (text: string): unknown => parsedJson(text.slice(text.indexOf("{")));
