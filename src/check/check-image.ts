import { judge } from '../ledger/judge.ts';
import type { CompiledPolicy } from '../policy/rule-for.ts';
import { ruleFor } from '../policy/rule-for.ts';
import type { Rule } from '../policy/policy.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { TagReference } from '../reference/reference.ts';
import { currentDigest } from './current-digest.ts';
import type { Ledger, Resolver, VerifiedRecord } from './ports.ts';
import { exempt, noVerdict, pending, pinnedByDigest, verdict } from './reach-verdict.ts';
import type { CheckContext, CheckImage, Verdict } from './verdict.ts';

export interface CheckImageParts {
  readonly policy: () => CompiledPolicy;
  readonly ledger: Ledger;
  readonly resolver: Resolver;
  /** Logs an error that nobody expected and gives the id under which it was logged. */
  readonly incident: (error: unknown) => string;
}

/** The whole product: what may this image text run? Every door calls this and renders the verdict. */
export function makeCheckImage({ policy, ledger, resolver, incident }: CheckImageParts): CheckImage {
  return async function checkImage(text, context) {
    try {
      const reference = parseReference(text);
      if (!isTagReference(reference)) return pinnedByDigest(reference);
      const match = ruleFor(policy(), reference, context.mode);
      if (match.kind === 'exempt') return exempt(reference, match.why);
      return await decide(reference, match.rule, context);
    } catch (error) {
      return noVerdict({ text, error, incident, mode: context.mode ?? 'enforce' });
    }
  };

  async function decide(reference: TagReference, rule: Rule, context: CheckContext): Promise<Verdict> {
    let known: VerifiedRecord | undefined;
    let isResolving = false;
    try {
      known = await ledger.find(reference, context.signal);
      isResolving = true;
      const current = await currentDigest({ reference, rule, context, known, resolver });
      isResolving = false;
      const judgement = judge(reference, current.digest, known?.record.digest);
      const story = { reference, rule, context, notes: current.notes };
      if (!mustRecord(judgement.kind, known, context)) return verdict({ ...story, judgement, known });

      const outcome = await ledger.record(
        {
          reference,
          digest: known?.record.digest ?? current.required(),
          origin: context.origin,
          waitFor: rule.recording === 'required' ? 'logged' : 'reserved',
        },
        context.signal,
      );
      known = outcome.found;
      const rejudged = { ...story, judgement: judge(reference, current.digest, known.record.digest), known };
      if (outcome.kind === 'pending') return pending(rejudged, outcome);
      return verdict({ ...rejudged, first: outcome.kind === 'recorded' });
    } catch (error) {
      const asked = { text: reference.text, reference, mode: rule.mode, known };
      return noVerdict({ ...asked, error, incident, ...(isResolving && { rule }) });
    }
  }
}

/** A new tag, or one whose publication was cut short; never for an asker who may only look. */
function mustRecord(
  judgement: ReturnType<typeof judge>['kind'],
  known: VerifiedRecord | undefined,
  context: CheckContext,
): boolean {
  if (!context.mayRecord) return false;
  return judgement === 'first' || (judgement === 'same' && known?.logged === false);
}
