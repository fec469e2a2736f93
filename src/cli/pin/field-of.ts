import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { MERGE, pushReversed } from './walk.ts';

/** Keys and merged maps that one document may cost; aliases make files whose look-ups grow with their square. */
const MAX_STEPS = 10_000_000;

/** The value of a key, own or merged: first found wins, as merge keys have it. `tooMany` makes the error to throw. */
export function makeFieldOf(resolve: (node: unknown) => unknown, tooMany: () => Error) {
  let steps = 0;
  return function fieldOf(map: YAMLMap, name: string): unknown {
    const seen = new Set<unknown>();
    const stack: unknown[] = [map];
    while (stack.length > 0) {
      const node = resolve(stack.pop());
      if (seen.has(node) || !(isMap(node) || isSeq(node))) continue;
      seen.add(node);
      steps += node.items.length;
      if (steps > MAX_STEPS) throw tooMany();
      if (isSeq(node)) {
        pushReversed(stack, node.items);
        continue;
      }
      const own = valueOf(node, name);
      if (own !== undefined) return own;
      const merged = valueOf(node, MERGE);
      if (merged !== undefined) stack.push(merged);
    }
    return undefined;
  };
}

function valueOf(map: YAMLMap, name: string): unknown {
  return map.items.find(({ key }) => isScalar(key) && key.value === name)?.value;
}
