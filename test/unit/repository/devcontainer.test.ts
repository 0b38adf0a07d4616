import { readFileSync } from "node:fs";
import { join } from "node:path";
import semver from "semver";
import { expect, test } from "vitest";
import { supported } from "../../../config/versions";
import { derivedPort } from "../../../host/ports";

const root = join(__dirname, "../../..");
const container: { image: string; postCreateCommand: string; forwardPorts: number[]; portsAttributes: object } =
  JSON.parse(readFileSync(join(root, ".devcontainer/devcontainer.json"), "utf8"));

// https://containers.dev/implementors/json_reference: fields of devcontainer.json.
test("the dev container creates the lab and forwards the port of its gateway", () => {
  expect(container.postCreateCommand).toBe("npm run up -- --yes");
  expect(container.forwardPorts).toEqual([derivedPort("dev")]);
  expect(Object.keys(container.portsAttributes)).toEqual([String(derivedPort("dev"))]);
});

test("the dev container has a Node.js that the lab takes", () => {
  const [, major = ""] = /typescript-node:(\d+)/.exec(container.image) ?? [];
  expect(semver.intersects(`^${major}`, supported.node)).toBe(true);
});
