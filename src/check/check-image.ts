import { judge } from '../ledger/judge.ts';
import { ruleFor, type CompiledPolicy, type RuleMatch } from '../policy/rule-for.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { TagReference } from '../reference/reference.ts';
import { currentDigest } from './current-digest.ts';
import { dueRecord, foreseen, isRefusal, recordDue } from './due-record.ts';
import type { Ledger, Resolver, VerifiedRecord } from './ports.ts';
import { afterRecording, exempt, noVerdict, pinnedByDigest, verdict, type Step } from './reach-verdict.ts';
import type { CheckContext, CheckImage, Verdict } from './verdict.ts';

export interface CheckImageParts {
  readonly policy: () => CompiledPolicy;
  readonly ledger: Ledger;
  readonly resolver: Resolver;
  /** Logs an error that nobody expected and gives the id under which it was logged. */
  readonly incident: (error: unknown) => string;
}

type Applied = Extract<RuleMatch, { kind: 'rule' }>;

/** The whole product: what may this image text run? Every door calls this and renders the verdict. */
export function makeCheckImage({ policy, ledger, resolver, incident }: CheckImageParts): CheckImage {
  return async function checkImage(text, context) {
    try {
      const reference = parseReference(text);
      if (!isTagReference(reference)) return pinnedByDigest(reference);
      const match = ruleFor(policy(), reference, context);
      const decided =
        match.kind === 'exempt' ? exempt(reference, match.why) : await decide(reference, match, context);
      return match.by === undefined ? decided : { ...decided, rule: match.by.rule };
    } catch (error) {
      return noVerdict({ text, error, incident, mode: context.mode ?? 'enforce' });
    }
  };

  async function decide(reference: TagReference, match: Applied, context: CheckContext): Promise<Verdict> {
    const { rule, tracked } = match;
    const { signal } = context;
    let known: VerifiedRecord | undefined;
    let during: Step | undefined;
    try {
      known = await ledger.find(reference, signal);
      during = 'resolution';
      const current = await currentDigest({ reference, rule, tracked, context, known, resolver });
      during = undefined;
      let judgement = judge(reference, current.digest, known?.record.digest);
      // before a refusal: somebody may have accepted the move, and our memory not have heard of it
      if (isRefusal(judgement)) known = (await ledger.latest(reference, signal)) ?? known;
      judgement = judge(reference, current.digest, known?.record.digest);
      const story = { reference, rule, tracked, context, notes: current.notes };
      const due = dueRecord(judgement, { known, tracked, current });
      if (due.kind === 'nothing' || !context.mayRecord) {
        const future = await foreseen(ledger, due, { reference, known, signal });
        return verdict({ ...story, judgement: due.otherwise, known, future });
      }
      during = 'recording';
      const outcome = await recordDue(ledger, due, story);
      known = outcome.found;
      // a tracked tag is never refused for moving: it means what is recorded by now
      const compared = tracked ? undefined : current.digest;
      judgement = judge(reference, compared, known.record.digest);
      return afterRecording({ ...story, judgement, known }, outcome);
    } catch (error) {
      const asked = { text: reference.text, reference, mode: rule.mode, known };
      return noVerdict({
        ...asked,
        error,
        incident,
        ...(during && { during: { step: during, rule, signal } }),
      });
    }
  }
}
