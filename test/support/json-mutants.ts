export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

export interface JsonMutant {
  readonly title: string;
  readonly value: Json;
}

const CHANGES: readonly (readonly [string, (old: Json) => Json | undefined])[] = [
  ['without', () => undefined],
  ['null in', () => null],
  ['a number in', () => 7],
  ['nothing in', () => ''],
  ['a list in', () => []],
  ['a spoilt', spoil],
  ['a truncated', truncate],
  ['company in', addCompany],
];

/** Every value of a document in turn removed, replaced, spoilt, cut short, or given company. */
export function jsonMutants(document: Json): readonly JsonMutant[] {
  return pathsOf(document).flatMap((path) =>
    CHANGES.flatMap(([title, change]): readonly JsonMutant[] => {
      const value = replace(document, path, change);
      const isChanged = value !== undefined && JSON.stringify(value) !== JSON.stringify(document);
      return isChanged ? [{ title: `${title} ${path.join('.')}`, value }] : [];
    }),
  );
}

/** Every value that two documents have at the same place, taken from the other one. */
export function swapMutants(document: Json, other: Json): readonly JsonMutant[] {
  return pathsOf(document).flatMap((path): readonly JsonMutant[] => {
    const theirs = valueAt(other, path);
    if (theirs === undefined) return [];
    const value = replace(document, path, () => theirs);
    const isChanged = value !== undefined && JSON.stringify(value) !== JSON.stringify(document);
    return isChanged ? [{ title: `another record's ${path.join('.')}`, value }] : [];
  });
}

/** What a parser makes of a text in which one member stands twice, last with a spoilt value. */
export function duplicateMutants(document: Json): readonly JsonMutant[] {
  const text = JSON.stringify(document);
  return pathsOf(document).flatMap((path): readonly JsonMutant[] => {
    const key = path.at(-1);
    const old = valueAt(document, path);
    if (typeof key !== 'string' || old === undefined || /^\d+$/.test(key)) return [];
    const member = `${JSON.stringify(key)}:${JSON.stringify(old)}`;
    const value = JSON.parse(
      text.replace(member, () => `${member},${JSON.stringify(key)}:${JSON.stringify(spoil(old))}`),
    ) as Json;
    return JSON.stringify(value) === text ? [] : [{ title: `${path.join('.')} twice`, value }];
  });
}

export function replace(
  value: Json,
  [key, ...rest]: Path,
  change: (old: Json) => Json | undefined,
): Json | undefined {
  if (key === undefined) return change(value);
  if (Array.isArray(value)) {
    const items = value.map((child, i) => (i === Number(key) ? replace(child, rest, change) : child));
    return items.filter((item) => item !== undefined);
  }
  const entries = Object.entries(asObject(value)).map(([name, child]) => [
    name,
    name === key ? replace(child, rest, change) : child,
  ]);
  return Object.fromEntries(entries.filter(([, child]) => child !== undefined)) as Json;
}

function spoil(old: Json): Json {
  if (typeof old !== 'string') return 'spoilt';
  return /^[0-9]+$/.test(old) ? String(Number(old) + 1) : `${old.startsWith('B') ? 'C' : 'B'}${old.slice(1)}`;
}

function truncate(old: Json): Json {
  if (typeof old === 'string') return old.slice(0, Math.floor(old.length / 8) * 4);
  return Array.isArray(old) ? old.slice(1) : old;
}

function addCompany(old: Json): Json {
  if (Array.isArray(old)) return [...old, ...(old.length > 0 ? old : ['AAAA'])];
  return { ...asObject(old), more: 1 };
}

function pathsOf(value: Json, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]));
  return path.length === 0 ? below : [path, ...below];
}

function valueAt(value: Json | undefined, [key, ...rest]: Path): Json | undefined {
  if (key === undefined) return value;
  if (Array.isArray(value)) return valueAt(value[Number(key)], rest);
  return typeof value === 'object' && value !== null ? valueAt(value[key], rest) : undefined;
}

function asObject(value: Json): { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { value };
}
