import type { DenialReason, Verdict } from '../check/verdict.ts';

/** The verdict in one word, for the table and for scripts. */
export type Word =
  | 'ok'
  /** Not recorded yet, and this command may not record. */
  | 'new'
  /** The same, and the log has it with this digest. */
  | 'restorable'
  /** This command made the record. */
  | 'recorded'
  | 'moved'
  | 'mismatch'
  | 'unrecorded'
  | 'exempt'
  | 'pending'
  /** No verdict could be reached. */
  | 'failed';

export function wordOf(verdict: Verdict): Word {
  switch (verdict.kind) {
    case 'admit':
      if (verdict.first) return 'recorded';
      if (verdict.notes.some(({ kind }) => kind === 'wouldRestore')) return 'restorable';
      return verdict.notes.some(({ kind }) => kind === 'wouldRecord') ? 'new' : 'ok';
    case 'exempt':
    case 'pending':
      return verdict.kind;
    case 'deny':
    case 'report':
      return denialWord(verdict.denial.reason);
  }
}

/** Whether the reason says that no verdict was reached, and nothing about the tag. */
export function isFailure(reason: DenialReason): boolean {
  return denialWord(reason) === 'failed';
}

function denialWord(reason: DenialReason): Word {
  switch (reason) {
    case 'TAG_MOVED':
      return 'moved';
    case 'DIGEST_NOT_RECORDED':
      return 'mismatch';
    case 'NOT_RECORDED':
      return 'unrecorded';
    default:
      return 'failed';
  }
}
