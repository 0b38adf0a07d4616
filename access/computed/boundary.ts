import { at, listAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import type { AccessRequest, Mesh } from "../types";
import { type Alternative, dimensionsOf, ruleOn } from "./boundary/dimensions";
import { type Place, placesOf } from "./boundary/places";
import { titleOf } from "./objects/mesh-objects";

/** A request at the boundary of a rule. */
export interface BoundaryRequest {
  request: AccessRequest;
  /** Whether the rule matches it, as a sentence without a full stop. */
  reason: string;
}

/**
 * The requests at the boundary of an AuthorizationPolicy: for each rule those with each sender, method, path, host, port, header and claim
 * that it names, and their nearest neighbours that it does not match. `computeDecision` takes other policies into account.
 * Senders are those of the mesh: an identity that no ServiceAccount of the cluster has is left out. In the order of the rules, each once.
 */
export function boundaryRequests(mesh: Mesh, policy: KubeObject): BoundaryRequest[] {
  const places = placesOf(mesh, policy);
  const all = listAt(policy, "spec", "rules").flatMap((rule, index) =>
    places.flatMap((place) =>
      alternatives(rule).flatMap((alternative) => atBoundary(mesh, policy, alternative, place, index + 1)),
    ),
  );
  const unique = new Map<string, BoundaryRequest>();
  for (const each of all) {
    const key = JSON.stringify(each.request);
    if (!unique.has(key)) unique.set(key, each);
  }
  return [...unique.values()];
}

function alternatives(rule: unknown): Alternative[] {
  const parts = (list: string, inner: string): unknown[] => {
    const items = listAt(rule, list).map((each) => at(each, inner));
    return items.length > 0 ? items : [undefined];
  };
  const whens = listAt(rule, "when");
  return parts("from", "source").flatMap((source) =>
    parts("to", "operation").map((operation) => ({ source, operation, whens })),
  );
}

/** The request that the rule matches in every way, and those that differ from it in one. */
function atBoundary(
  mesh: Mesh,
  policy: KubeObject,
  alternative: Alternative,
  place: Place,
  number: number,
): BoundaryRequest[] {
  const dimensions = dimensionsOf(mesh, policy, alternative, place);
  const base = dimensions.reduce<AccessRequest>(
    (request, { inside: [first] }) => (first ? first.apply(request) : request),
    place.request,
  );
  const { source, operation, whens } = alternative;
  const whole = ruleOn(mesh, policy, place, {
    ...(source === undefined ? {} : { from: [{ source }] }),
    ...(operation === undefined ? {} : { to: [{ operation }] }),
    when: whens,
  });
  return dimensions.flatMap(({ inside, outside }) =>
    [...inside, ...outside].map(({ text, apply }) => {
      const request = apply(base);
      const is = whole(request);
      const verb = is === true ? "matches" : is === false ? "does not match" : "may match";
      return { request, reason: `rule ${number} of ${titleOf(policy)} ${verb} ${text}` };
    }),
  );
}
