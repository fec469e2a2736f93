import type { TagRecord } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import { entryEvidence } from './entry-evidence.ts';
import { loggedRecord } from './logged-record.ts';
import type { Naming } from './naming.ts';
import type { Clock, EvidenceVerifier, LogHistory, LogWriter, StatementSigner } from './ports.ts';
import type { TagInLog } from './tag-in-log.ts';

export interface RebuildParts {
  readonly naming: Naming;
  readonly signer: StatementSigner;
  readonly verifier: EvidenceVerifier;
  readonly writer: Pick<LogWriter, 'identity'>;
  readonly history: LogHistory;
  readonly clock: Clock;
}

export interface Rebuilder {
  /**
   * The record of the tag's newest generation, from what the log holds alone; undefined when the log binds that generation
   * to another digest. Where the log keeps no time for a certificate, the record is only reserved, with new signatures:
   * membership and our signature in the log decide, and a later copy of an own statement does no harm. Throws LOG_*,
   * RECORD_INVALID, IDENTITY_MISMATCH, SIGNER_UNAVAILABLE.
   */
  rebuild(
    tag: TagInLog,
    wish: { readonly reference: TagReference; readonly digest: Digest },
    signal: AbortSignal,
  ): Promise<TagRecord | undefined>;
}

export function makeRebuilder(parts: RebuildParts): Rebuilder {
  const { naming, signer, verifier, writer, history, clock } = parts;
  const { identity } = writer;

  return {
    async rebuild({ privacy, generation, claim }, { reference, digest }, signal) {
      const texts = naming.statements(reference, digest, privacy, generation);
      const binding = await history.earliest(texts.binding, signal);
      if (binding === undefined) return undefined;
      const record: TagRecord = {
        reference: reference.canonical,
        digest,
        scope: naming.scope,
        claimId: naming.claimId(reference, privacy),
        generation,
        privacy,
        firstSeen: new Date(clock.now()).toISOString(),
        origin: 'restore',
        phase: 'Reserved',
        reservedAt: history.position(),
        claim: claim.signed,
        binding: binding.signed,
      };
      const [claimed, bound] = await Promise.all(
        [claim, binding].map((entry) => entryEvidence(entry, { history, verifier, identity }, signal)),
      );
      if (claimed && bound) {
        const origin = binding.origin ?? identity.origin;
        return loggedRecord(record, { claim: claimed, binding: bound }, { ...identity, origin });
      }
      const [newClaim, newBinding] = await Promise.all([
        signer.sign(texts.claim, signal),
        signer.sign(texts.binding, signal),
      ]);
      return { ...record, claim: newClaim, binding: newBinding };
    },
  };
}
