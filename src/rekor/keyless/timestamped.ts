import type { SignedStatement } from '../../ledger/evidence.ts';
import type { StatementSigner } from '../../protocol/ports.ts';
import type { TimestampAuthority } from './timestamp-authority.ts';

/** The same signer, whose signatures carry a timestamp. Throws SIGNER_UNAVAILABLE besides. */
export function withTimestamp<Signer extends StatementSigner>(
  signer: Signer,
  authority: TimestampAuthority,
): Signer {
  return {
    ...signer,
    async sign(statement: string, signal: AbortSignal): Promise<SignedStatement> {
      const signed = await signer.sign(statement, signal);
      const { der } = await authority.timestamp(signed.signature, signal);
      return { ...signed, timestamp: der };
    },
  };
}
