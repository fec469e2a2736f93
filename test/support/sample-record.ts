import { plainClaimId } from '../../src/ledger/claim-id.ts';
import type { TagRecord } from '../../src/ledger/record.ts';
import { bindingStatement, claimStatement } from '../../src/ledger/statement.ts';
import { parseDigest } from '../../src/reference/parse-digest.ts';

export const digestOfA = parseDigest(`sha256:${'a'.repeat(64)}`);
export const digestOfB = parseDigest(`sha256:${'b'.repeat(64)}`);

/** A reserved record that is right in every field but its signatures. */
export function sampleRecord(
  reference = 'docker.io/library/alpine:3.16',
  change: Partial<TagRecord> = {},
): TagRecord {
  const scope = 'default';
  const claimId = plainClaimId(scope, reference);
  const digest = change.digest ?? digestOfA;
  const generation = change.generation ?? 0;
  const signed = { signature: 'MEQ=', verifier: { kind: 'publicKey', spki: 'MFk=' } } as const;
  return {
    reference,
    digest,
    scope,
    claimId,
    generation,
    privacy: 'plain',
    firstSeen: '2026-11-02T10:00:00.000Z',
    origin: 'cli',
    phase: 'Reserved',
    reservedAt: { origin: 'log', treeSize: 7 },
    claim: { statement: claimStatement({ scope, claimId, generation }), ...signed },
    binding: { statement: bindingStatement({ reference, digest, scope, claimId, generation }), ...signed },
    ...change,
  };
}
