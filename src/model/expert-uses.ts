/** How many tokens of an earlier run used an expert, by layer and expert; see expertUses. */
export type ExpertUses = ReadonlyMap<string, number>;

export const expertKey = (layer: number | null, expert: number | null): string => `${layer}.${expert}`;
