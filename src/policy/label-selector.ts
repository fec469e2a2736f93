import { quote } from '../errors/quote.ts';
import { unusable } from './policy-error.ts';

export type Labels = Readonly<Record<string, string>>;

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** One line of a selector; `values` is empty for Exists and DoesNotExist. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: (typeof OPERATORS)[number];
  readonly values: readonly string[];
}

/** A metav1.LabelSelector, its `matchLabels` as requirements with In. All must hold, so an empty one takes everything. */
export interface LabelSelector {
  readonly requirements: readonly LabelRequirement[];
}

const MAX_REQUIREMENTS = 32;
const MAX_VALUES = 64;
const PREFIX = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Reads a `metav1.LabelSelector`. Throws POLICY_INVALID. */
export function parseLabelSelector(value: unknown, path: string): LabelSelector {
  const fields = mappingOf(value, path, ['matchLabels', 'matchExpressions']);
  const labels = labelsOf(fields.get('matchLabels') ?? {}, `${path}.matchLabels`);
  const expressions = listOf(
    fields.get('matchExpressions') ?? [],
    `${path}.matchExpressions`,
    MAX_REQUIREMENTS,
  );
  const requirements = [
    ...labels,
    ...expressions.map((item, at) => requirementOf(item, `${path}.matchExpressions[${at}]`)),
  ];
  if (requirements.length <= MAX_REQUIREMENTS) return { requirements };
  throw unusable(path, `it has ${requirements.length} requirements; use at most ${MAX_REQUIREMENTS}`);
}

/** As Kubernetes does: NotIn and DoesNotExist also take what has no such label. */
export function selects({ requirements }: LabelSelector, labels: Labels): boolean {
  return requirements.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function labelsOf(value: unknown, path: string): readonly LabelRequirement[] {
  const fields = mappingOf(value, path);
  return [...fields].map(([key, label]) => ({
    key: keyOf(key, path),
    operator: 'In',
    values: [valueOf(label, `${path}.${key}`)],
  }));
}

function requirementOf(value: unknown, path: string): LabelRequirement {
  const fields = mappingOf(value, path, ['key', 'operator', 'values']);
  const key = keyOf(fields.get('key'), `${path}.key`);
  const operator = OPERATORS.find((known) => known === fields.get('operator'));
  if (operator === undefined) {
    throw unusable(`${path}.operator`, `it is no operator; use one of ${OPERATORS.join(', ')}`);
  }
  const place = `${path}.values`;
  const values = listOf(fields.get('values') ?? [], place, MAX_VALUES).map((item, at) =>
    valueOf(item, `${place}[${at}]`),
  );
  const wantsValues = operator === 'In' || operator === 'NotIn';
  if (wantsValues === values.length > 0) return { key, operator, values };
  throw unusable(place, wantsValues ? `${operator} needs at least one` : `${operator} takes none`);
}

function keyOf(value: unknown, path: string): string {
  if (typeof value === 'string') {
    const slash = value.indexOf('/');
    const prefix = slash === -1 ? undefined : value.slice(0, slash);
    if ((prefix === undefined || PREFIX.test(prefix)) && NAME.test(value.slice(slash + 1))) return value;
  }
  throw unusable(path, 'it is no label key; write one like "kubernetes.io/metadata.name"');
}

function valueOf(value: unknown, path: string): string {
  if (typeof value === 'string' && (value === '' || NAME.test(value))) return value;
  throw unusable(
    path,
    'it is no label value: at most 63 letters, digits, "-", "_" and "."; put it in quotes',
  );
}

function listOf(value: unknown, path: string, limit: number): readonly unknown[] {
  if (!Array.isArray(value)) throw unusable(path, 'it is not a list; write a list');
  const items: readonly unknown[] = value;
  if (items.length > limit) throw unusable(path, `it has ${items.length} entries; use at most ${limit}`);
  return items;
}

/** Without `known` any key may stand. */
function mappingOf(value: unknown, path: string, known?: readonly string[]): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unusable(
      path,
      `it is not a mapping${known === undefined ? '' : `; write one with ${known.join(', ')}`}`,
    );
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  if (fields.size > MAX_REQUIREMENTS) throw unusable(path, `it has more than ${MAX_REQUIREMENTS} entries`);
  const stranger = known && [...fields.keys()].find((key) => !known.includes(key));
  if (stranger === undefined) return fields;
  throw unusable(
    `${path}.${stranger}`,
    `no such key is known; use one of ${known?.map((key) => quote(key)).join(', ') ?? ''}`,
  );
}
