import type { Region } from './regions.js';

export const groupKinds = ['tensors', 'layers', 'roles', 'experts'] as const;
export type GroupKind = (typeof groupKinds)[number];

/** What one row is called: `tensor`. */
export const kindOfOne = (kind: GroupKind): string => kind.slice(0, -1);

/** Something for each kind. */
export function perKind<Value>(found: (kind: GroupKind) => Value): Record<GroupKind, Value> {
  return Object.fromEntries(groupKinds.map((kind) => [kind, found(kind)])) as Record<GroupKind, Value>;
}

/** Regions that one row of a table tells of: a tensor, a layer, a role, an expert of a layer. */
export interface RegionGroup {
  kind: GroupKind;
  name: string;
  regions: number[];
  /** Which stack of layers; empty for the main one. */
  stack: string;
  layer: number | null;
  role: Region['role'] | null;
  expert: number | null;
}

const noGroup = 0xffffffff;

/** The groups, in the order of their first region; and for each kind the group's index by region, as RegionReads takes them. */
export interface RegionGroups {
  groups: RegionGroup[];
  groupings: Uint32Array[];
}

/** Tensors, layers and roles each hold every region once, so each adds up to the model; experts hold only their own. */
export function groupRegions(regions: readonly Region[]): RegionGroups {
  const groups: RegionGroup[] = [];
  const groupings = groupKinds.map((kind) => {
    const indexByName = new Map<string, number>();
    return Uint32Array.from(regions, (region, i) => {
      const name = groupName(kind, region);
      if (name === null) return noGroup;
      const index = indexByName.get(name) ?? groups.push(emptyGroup(kind, name, region)) - 1;
      indexByName.set(name, index);
      groups[index]?.regions.push(i);
      return index;
    });
  });
  return { groups, groupings };
}

function groupName(kind: GroupKind, { tensor, stack, layer, role, expert }: Region): string | null {
  const place = `${stack}${stack && ' '}layer ${layer}`;
  switch (kind) {
    case 'tensors':
      return tensor ?? role;
    case 'layers':
      return layer === null ? 'outside layers' : place;
    case 'roles':
      return role;
    case 'experts':
      return expert === null ? null : `${place} expert ${expert}`;
  }
}

/** What all regions of a group share; what they do not is null. */
function emptyGroup(kind: GroupKind, name: string, { stack, layer, role, expert }: Region): RegionGroup {
  return {
    kind,
    name,
    regions: [],
    stack: kind === 'roles' ? '' : stack,
    layer: kind === 'roles' ? null : layer,
    role: kind === 'layers' ? null : role,
    expert: kind === 'experts' ? expert : null,
  };
}
