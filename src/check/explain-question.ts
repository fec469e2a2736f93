import { quote } from '../errors/quote.ts';
import type { MatchedBy, RuleMatch } from '../policy/rule-for.ts';
import { isTagReference } from '../reference/parse-reference.ts';
import type { Reference, TagReference } from '../reference/reference.ts';
import type { ExplainStep } from './explain-image.ts';

const LIBRARY = 'library/';

/** How the image text was read: its canonical form, and what was added to get there. */
export function referenceStep(reference: Reference | TagReference): ExplainStep {
  const { text, digest } = reference;
  if (!isTagReference(reference)) {
    const says = `${quote(text)} names a digest and no tag: it means ${digest} for ever, and needs no record`;
    return { step: 'reference', says, digest };
  }
  const { canonical } = reference;
  const added = additions(reference);
  const why = added.length === 0 ? '' : ` (${added.join(', ')})`;
  const beside =
    digest === undefined
      ? ''
      : `, and claims that it means ${digest}: the pair is checked, and never taken on trust`;
  const says =
    text === canonical ? `${quote(text)} is a whole name` : `${quote(text)} means ${canonical}${why}`;
  return { step: 'reference', says: `${says}${beside}`, canonical, added, ...(digest && { digest }) };
}

/** What the text leaves to custom. */
function additions({ text, registry, repository, tag }: TagReference): readonly string[] {
  const [typed = ''] = text.split('@');
  const hasTag = typed.endsWith(`:${tag}`);
  const name = hasTag ? typed.slice(0, -tag.length - 1) : typed;
  const isBare = name === repository || LIBRARY + name === repository;
  const typedRegistry = isBare ? undefined : name.slice(0, name.indexOf('/'));
  const isFolded = typedRegistry !== undefined && typedRegistry !== registry;
  return [
    ...(isBare ? [`registry ${registry} added`] : []),
    ...(isFolded ? [`registry ${quote(typedRegistry)} is ${registry}`] : []),
    ...(name.endsWith(repository) ? [] : [`${LIBRARY} added`]),
    ...(hasTag ? [] : [`tag ${tag} added`]),
  ];
}

/** Which rule decides, by which pattern, and what it says. */
export function ruleStep(match: RuleMatch): ExplainStep {
  const { by } = match;
  if (match.kind === 'exempt') {
    const says = `${match.why}${patterns(by)}: it is neither recorded nor checked`;
    return { step: 'rule', says, exempt: true, ...by };
  }
  const { rule, tracked } = match;
  const { mode, recheck, onMoved, onUnresolvable, recording } = rule;
  const moves = tracked ? 'the tag may move, each move is recorded' : `onMoved ${onMoved}`;
  return {
    step: 'rule',
    says: `rule ${quote(rule.name)} applies${patterns(by)}: mode ${mode}, ${moves}, recheck ${recheck}`,
    exempt: false,
    tracked,
    ...by,
    mode,
    recheck,
    onMoved,
    onUnresolvable,
    recording,
  };
}

function patterns(by: MatchedBy | undefined): string {
  if (by === undefined) return '';
  return ` by image pattern ${quote(by.image)}${by.tag === undefined ? '' : ` and tag pattern ${quote(by.tag)}`}`;
}
