/** What the module traffic-split declares and proves. */
export const split = {
  /** Who sends it meets the new version, whatever the weights. */
  canary: { name: "x-canary", value: "v2" },
  /** Path prefix whose requests the new version gets a copy of. */
  mirroredPath: "/anything/mirrored",
} as const;
