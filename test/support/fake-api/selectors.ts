import type { FakeKind } from './kinds.ts';
import { asJson, type FakeObject } from './objects.ts';

export type Matches = (object: FakeObject) => boolean;

/** Both selectors of a query as one; undefined for what the real server refuses with 400. */
export function selectorOf(kind: FakeKind, query: URLSearchParams): Matches | undefined {
  const labels = termsOf(query.get('labelSelector')).map(labelTerm);
  const fields = termsOf(query.get('fieldSelector')).map((term) => fieldTerm(kind, term));
  const all = [...labels, ...fields];
  return all.includes(undefined) ? undefined : (object) => all.every((matches) => matches?.(object));
}

function termsOf(text: string | null): readonly string[] {
  return (text ?? '').split(',').filter((term) => term !== '');
}

function labelTerm(term: string): Matches | undefined {
  const [, key = '', operator, value] =
    /^(!?[A-Za-z0-9./_-]+)(?:(==?|!=)([A-Za-z0-9._-]*))?$/.exec(term) ?? [];
  if (key === '') return undefined;
  if (operator === undefined)
    return ({ metadata: { labels = {} } }) =>
      key.startsWith('!') ? !(key.slice(1) in labels) : key in labels;
  return ({ metadata: { labels = {} } }) => (labels[key] === value) === (operator !== '!=');
}

function fieldTerm(kind: FakeKind, term: string): Matches | undefined {
  const [, path = '', operator, value] = /^([A-Za-z.]+)(==?|!=)(.*)$/.exec(term) ?? [];
  const known = ['metadata.name', 'metadata.namespace', ...kind.selectableFields];
  if (!known.includes(path)) return undefined;
  return (object) => {
    const found = path.split('.').reduce<unknown>((at, key) => asJson(at)[key], object);
    const text = typeof found === 'string' || typeof found === 'number' ? String(found) : '';
    return (text === value) === (operator !== '!=');
  };
}
