import { describe, expect, test } from "vitest";
import { withPlainSecrets } from "../../../cli/engine/secrets";

const mark = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

describe("withPlainSecrets()", () => {
  test("shows the secrets of a state that was exported with them", () => {
    const data = { ...mark, plaintext: JSON.stringify({ "tls.key": { ...mark, plaintext: '"a2V5"' } }) };
    expect(withPlainSecrets({ kind: "Secret", data, list: [1, { a: null }] })).toEqual({
      ...{ kind: "Secret", data: { "tls.key": "a2V5" }, list: [1, { a: null }] },
    });
  });

  test("hands out nothing of an object with a sealed one", () => {
    expect(withPlainSecrets({ kind: "Secret", data: { ...mark, ciphertext: "v1:abc" } })).toBeUndefined();
    expect(withPlainSecrets([{ ...mark, ciphertext: "v1:abc" }])).toBeUndefined();
  });
});
