import { isAlias, isMap, isPair, isScalar, isSeq, type Alias, type Document, type YAMLMap } from 'yaml';

/** What one pass over a document, in the order of its text, finds out. */
export interface Walked {
  readonly maps: readonly YAMLMap[];
  /** The node itself, or what an alias stands for; undefined when there is no such anchor before it. */
  readonly resolve: (node: unknown) => unknown;
}

export interface RepeatedKey {
  readonly key: string;
  readonly offset: number;
}

/** YAML 1.1 merge key, which kubectl obeys. */
export const MERGE = '<<';

/** Collects maps and resolves aliases, without recursion. `onRepeatedKey` is told keys that a map has twice. */
export function walk(document: Document, onRepeatedKey: (repeated: RepeatedKey) => void): Walked {
  const anchors = new Map<string, unknown>();
  const targets = new Map<Alias, unknown>();
  const maps: YAMLMap[] = [];
  const stack: unknown[] = [document.contents];
  while (stack.length > 0) {
    const node = stack.pop();
    if (isAlias(node)) targets.set(node, anchors.get(node.source));
    else if (hasAnchor(node)) anchors.set(node.anchor, node);
    if (isMap(node)) {
      maps.push(node);
      checkKeys(node, onRepeatedKey);
    }
    pushReversed(stack, childrenOf(node));
  }
  return { maps, resolve: (node) => (isAlias(node) ? targets.get(node) : node) };
}

/** Pushes so that the first item is popped first. */
export function pushReversed(stack: unknown[], items: readonly unknown[]): void {
  for (let i = items.length - 1; i >= 0; i--) stack.push(items[i]);
}

function childrenOf(node: unknown): readonly unknown[] {
  if (isPair(node)) return [node.key, node.value];
  return isMap(node) || isSeq(node) ? node.items : [];
}

function hasAnchor(node: unknown): node is { readonly anchor: string } {
  return (isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined;
}

function checkKeys(map: YAMLMap, onRepeatedKey: (repeated: RepeatedKey) => void): void {
  const seen = new Set<string>();
  for (const { key } of map.items) {
    if (!isScalar(key) || typeof key.value !== 'string' || key.value === MERGE) continue;
    if (seen.has(key.value)) onRepeatedKey({ key: key.value, offset: key.range?.[0] ?? 0 });
    seen.add(key.value);
  }
}
