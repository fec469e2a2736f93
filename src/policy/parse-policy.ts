import { nearestName } from '../errors/nearest-name.ts';
import { quote } from '../errors/quote.ts';
import { compileImageGlob, compileTagGlob } from './glob.ts';
import { parseLabelSelector } from './label-selector.ts';
import { unusable } from './policy-error.ts';
import type { MutableTags, Policy, Rule } from './policy.ts';

const MAX_RULES = 100;
const MAX_PATTERNS = 100;
const MAX_PRIORITY = 1_000_000;
const NAME = /^[\x21-\x7e]{1,128}$/;

const RULE_KEYS = [
  'name',
  'priority',
  'match',
  'mode',
  'rewrite',
  'onMoved',
  'onUnresolvable',
  'recording',
  'onLogUnavailable',
  'recheck',
  'mutableTags',
];

/** What applies where no rule does, and what a rule's missing fields mean: strict, `latest` too. */
export const DEFAULT_RULE: Rule = {
  name: 'default',
  priority: 0,
  images: ['**'],
  mode: 'enforce',
  rewrite: 'tagDigest',
  onMoved: 'deny',
  onUnresolvable: 'pinRecorded',
  recording: 'required',
  onLogUnavailable: 'deny',
  recheck: 'always',
  mutableTags: [],
};

/**
 * Reads the value of the setting `policies`, a list of rules, and puts those of a higher priority first. Throws POLICY_INVALID
 * that names field and remedy.
 */
export function parsePolicy(value: unknown): Policy {
  const rules = listOf(value, 'policies', MAX_RULES).map((rule, at) => parseRule(rule, `policies[${at}]`));
  return { rules: rules.toSorted((one, other) => other.priority - one.priority) };
}

/** Reads one rule and fills in its defaults; its name is `path` unless it has one. Throws POLICY_INVALID. */
export function parseRule(value: unknown, path: string): Rule {
  const fields = fieldsOf(value, path, RULE_KEYS);
  const name = nameOf(given(fields, 'name', path), `${path}.name`);
  return { name, ...ruleOf(fields, path) };
}

/** Reads the `spec` of a TagPolicy, a rule whose name is that of the resource. Throws POLICY_INVALID. */
export function parseSpec(spec: unknown, name: string): Rule {
  const known = RULE_KEYS.filter((key) => key !== 'name');
  return { name, ...ruleOf(fieldsOf(spec, 'spec', known), 'spec') };
}

function ruleOf(fields: Fields, path: string): Omit<Rule, 'name'> {
  const choose = chooserOf(fields, path);
  return {
    priority: priorityOf(given(fields, 'priority', DEFAULT_RULE.priority), `${path}.priority`),
    ...matchOf(fields.get('match'), `${path}.match`),
    mode: choose('mode', ['enforce', 'warn', 'audit', 'off']),
    rewrite: choose('rewrite', ['tagDigest', 'digest', 'none']),
    onMoved: choose('onMoved', ['deny', 'pinRecorded']),
    onUnresolvable: choose('onUnresolvable', ['deny', 'warn', 'pinRecorded']),
    recording: choose('recording', ['required', 'deferred']),
    onLogUnavailable: choose('onLogUnavailable', ['deny', 'admitReserved']),
    recheck: choose('recheck', ['always', 'interval', 'never']),
    mutableTags: mutableTagsOf(given(fields, 'mutableTags', []), `${path}.mutableTags`),
  };
}

type Fields = ReadonlyMap<string, unknown>;
type Matched = Pick<Rule, 'images' | 'namespaceSelector'>;
type ChoiceKey = Exclude<keyof Rule, 'name' | 'priority' | 'mutableTags' | keyof Matched>;

function fieldsOf(value: unknown, path: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unusable(path, `it is not a mapping; write one with ${known.join(', ')}`);
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const key of fields.keys()) {
    if (!known.includes(key)) throw unusable(`${path}.${key}`, `no such key is known; ${hint(key, known)}`);
  }
  return fields;
}

/** Only an absent key has a default; null is a value, and a wrong one. */
function given(fields: Fields, key: string, fallback: unknown): unknown {
  return fields.has(key) ? fields.get(key) : fallback;
}

function hint(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  return nearest === undefined ? `use one of ${known.join(', ')}` : `did you mean ${quote(nearest)}?`;
}

function listOf(value: unknown, path: string, limit: number): readonly unknown[] {
  if (!Array.isArray(value)) throw unusable(path, 'it is not a list; write a list');
  const items: readonly unknown[] = value;
  if (items.length > limit) throw unusable(path, `it has ${items.length} entries; use at most ${limit}`);
  return items;
}

function chooserOf(fields: Fields, path: string) {
  return function choose<Key extends ChoiceKey>(key: Key, choices: readonly Rule[Key][]): Rule[Key] {
    const value = given(fields, key, DEFAULT_RULE[key]);
    const choice = choices.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    throw unusable(`${path}.${key}`, `it is none of the known values; use one of ${choices.join(', ')}`);
  };
}

function nameOf(value: unknown, path: string): string {
  if (typeof value === 'string' && NAME.test(value)) return value;
  throw unusable(
    path,
    'a name is 1 to 128 printable ASCII characters without spaces; write one like "my-images"',
  );
}

function priorityOf(value: unknown, path: string): number {
  const isWhole = typeof value === 'number' && Number.isInteger(value);
  if (isWhole && Math.abs(value) <= MAX_PRIORITY) return value;
  throw unusable(
    path,
    `it is not a whole number between -${MAX_PRIORITY} and ${MAX_PRIORITY}; write one like 10`,
  );
}

function matchOf(value: unknown, path: string): Matched {
  if (value === undefined)
    throw unusable(path, 'it is missing; write which images the rule is for, or "**" for all');
  const fields = fieldsOf(value, path, ['images', 'namespaceSelector']);
  const images = patternsOf(fields.get('images'), `${path}.images`, compileImageGlob);
  if (!fields.has('namespaceSelector')) return { images };
  const selector = parseLabelSelector(fields.get('namespaceSelector'), `${path}.namespaceSelector`);
  return { images, namespaceSelector: selector };
}

function patternsOf(
  value: unknown,
  path: string,
  compile: (pattern: string, path: string) => unknown,
): readonly string[] {
  const items = listOf(value, path, MAX_PATTERNS);
  if (items.length === 0)
    throw unusable(path, 'it is empty, so it would match nothing; write at least one pattern');
  return items.map((item, at) => {
    const place = `${path}[${at}]`;
    if (typeof item !== 'string') throw unusable(place, 'it is not text; put the pattern in quotes');
    compile(item, place);
    return item;
  });
}

function mutableTagsOf(value: unknown, path: string): readonly MutableTags[] {
  return listOf(value, path, MAX_RULES).map((item, at) => {
    const place = `${path}[${at}]`;
    const fields = fieldsOf(item, place, ['tags', 'as']);
    const tags = patternsOf(fields.get('tags'), `${place}.tags`, compileTagGlob);
    const as = fields.get('as');
    if (as === 'exempt' || as === 'track') return { tags, as };
    throw unusable(`${place}.as`, 'it says not what to do with these tags; write "track" or "exempt"');
  });
}
