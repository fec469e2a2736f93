import { toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { isApprovalText } from '../ledger/statement.ts';
import { readTagPolicy } from '../policy/merge-policies.ts';
import { isDigest } from '../reference/parse-digest.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import { isJsonObject, textAt } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import type { ResourceDoor } from './outcome.ts';
import type { Answer, DeniedImage } from './response.ts';
import { invalid } from './review.ts';
import type { Review } from './review.ts';

const KINDS: Readonly<Record<ResourceDoor, string>> = {
  stamp: 'tagseal.dev/TagApproval',
  policy: 'tagseal.dev/TagPolicy',
};

/**
 * `/stamp` writes into a new TagApproval who made it, whatever its maker wrote there, and refuses one that nobody could
 * act upon. `/policy` refuses a TagPolicy that cannot be read. Neither looks at images. Throws REVIEW_INVALID.
 */
export function answerResource(door: ResourceDoor, review: Review): Answer {
  const { operation, groupKind, subResource, object } = review;
  if (operation === 'DELETE' || operation === 'CONNECT' || subResource !== '') return allow();
  if (groupKind !== KINDS[door]) {
    throw invalid(
      `/${door} takes ${KINDS[door]} and this is ${quote(groupKind)}; correct the webhook configuration`,
    );
  }
  if (object === undefined) throw invalid('its request has no object');
  return door === 'stamp' ? stamp(review, object) : policy(review, object);
}

/** Once made, the spec is not to be changed: the resource's own rules see to that. */
function stamp({ operation, username }: Review, object: JsonObject): Answer {
  if (operation !== 'CREATE') return allow();
  const spec = object['spec'];
  const problems = isJsonObject(spec) ? problemsOf(spec, username) : [problem('spec', 'it is missing')];
  if (problems.length > 0) return deny(problems);
  return { ...allow(), additions: [{ pointer: '/spec/requestedBy', value: username }] };
}

function problemsOf(spec: JsonObject, username: string): readonly DeniedImage[] {
  const from = spec['fromDigest'] === undefined ? undefined : textAt(spec, 'fromDigest');
  const to = textAt(spec, 'toDigest');
  const reasons: readonly (readonly [string, string | undefined])[] = [
    ['spec.reference', againstReference(textAt(spec, 'reference'))],
    ['spec.fromDigest', from === undefined ? undefined : againstDigest(from)],
    ['spec.toDigest', againstDigest(to)],
    ['spec.toDigest', from === to ? 'it is fromDigest: there is no move to accept' : undefined],
    [
      'spec.reason',
      isApprovalText(textAt(spec, 'reason'))
        ? undefined
        : 'write in one line of 1 to 256 printable characters why the move is right',
    ],
    [
      'spec.requestedBy',
      isApprovalText(username) ? undefined : `the user name ${quote(username)} cannot stand in a record`,
    ],
  ];
  return reasons.flatMap(([field, why]) => (why === undefined ? [] : [problem(field, why)]));
}

function problem(field: string, why: string): DeniedImage {
  return { field, reason: 'DOCUMENT_INVALID', message: `cannot use this approval: ${why}` };
}

/** Canonical, since that is what people compare and what a selector finds. */
function againstReference(text: string): string | undefined {
  try {
    const reference = parseReference(text);
    if (!isTagReference(reference) || reference.digest !== undefined) {
      return `${quote(text)} is not a name with a tag and without a digest`;
    }
    return reference.canonical === text
      ? undefined
      : `write ${quote(reference.canonical)} for ${quote(text)}`;
  } catch (error) {
    return toAppError(error).message;
  }
}

function againstDigest(text: string): string | undefined {
  return isDigest(text) && text.startsWith('sha256:')
    ? undefined
    : `${quote(text)} is not "sha256:" and 64 hex digits in lower case`;
}

function policy({ oldObject, name }: Review, object: JsonObject): Answer {
  const spec = object['spec'];
  // a label or a finalizer of a broken policy may still be changed
  const isSame = oldObject !== undefined && JSON.stringify(oldObject['spec']) === JSON.stringify(spec);
  if (isSame) return allow();
  try {
    readTagPolicy({ name, spec });
    return allow();
  } catch (error) {
    const { code, message } = toAppError(error);
    if (code !== 'POLICY_INVALID') throw error;
    return deny([{ field: 'spec', reason: code, message }]);
  }
}

function deny(images: readonly DeniedImage[]): Answer {
  return { kind: 'deny', images, warnings: [], auditAnnotations: new Map([['decision', 'deny']]) };
}

function allow(): Extract<Answer, { kind: 'allow' }> {
  return {
    kind: 'allow',
    replacements: [],
    warnings: [],
    auditAnnotations: new Map([['decision', 'allow']]),
  };
}
