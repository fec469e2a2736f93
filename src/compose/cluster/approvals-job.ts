import type { Approver } from '../../controller/approvals.ts';
import type { ApprovalAnswer } from '../../controller/ports.ts';
import { answerApproval, pendingApproval, type ApprovalSpec } from '../../kube/approval-object.ts';
import { TAG_APPROVALS } from '../../kube/resources.ts';
import { makeWatchCache } from '../../kube/watch-cache.ts';
import type { BackgroundJob } from '../background.ts';
import type { ClusterParts } from './cluster.ts';

const EVERY_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export interface ApprovalsParts extends ClusterParts {
  readonly approve: Approver;
  readonly clock: { monotonicMs(): number };
}

interface Tried {
  readonly answer: ApprovalAnswer;
  readonly waitMs: number;
  readonly nextAt: number;
}

/** Answers each TagApproval, in no particular order; what is pending is tried again, ever more seldom. */
export function approvalsJob(parts: ApprovalsParts, signal: AbortSignal): BackgroundJob {
  const { cluster, logger, random, approve, clock } = parts;
  const { api } = cluster;
  const tried = new Map<string, Tried>();
  const pending = makeWatchCache<ApprovalSpec>({
    api,
    resource: TAG_APPROVALS,
    transform: pendingApproval,
    logger,
    random,
  });
  void pending.run(signal);

  async function attempt(approval: ApprovalSpec, signal: AbortSignal): Promise<void> {
    const { name, reference } = approval;
    const before = tried.get(name);
    if (before !== undefined && clock.monotonicMs() < before.nextAt) return;
    const answer = await approve(approval, signal);
    if (signal.aborted) return;
    const waitMs = Math.min(2 * (before?.waitMs ?? EVERY_MS / 2), LONGEST_WAIT_MS);
    tried.set(name, { answer, waitMs, nextAt: clock.monotonicMs() + waitMs });
    const isNews = before?.answer.phase !== answer.phase || before.answer.message !== answer.message;
    if (!isNews) return;
    await answerApproval(api, name, answer, signal);
    const { phase, message } = answer;
    logger.info('approval.answered', { approval: name, reference, phase }, message);
  }

  return {
    name: 'controller.approvals',
    everyMs: EVERY_MS,
    async run(signal) {
      const waiting = [...pending.values()];
      for (const approval of waiting) await attempt(approval, signal);
      const names = new Set(waiting.map(({ name }) => name));
      for (const name of tried.keys()) if (!names.has(name)) tried.delete(name);
    },
  };
}
