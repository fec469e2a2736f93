import { createHash, createPublicKey, verify } from 'node:crypto';
import * as z from 'zod/mini';
import type { EvidenceVerifier } from '../../src/protocol/ports.ts';

const leafV2 = z.object({
  spec: z.object({
    hashedRekordV002: z.object({
      data: z.object({ digest: z.string() }),
      signature: z.object({
        content: z.string(),
        verifier: z.object({ publicKey: z.object({ rawBytes: z.string() }) }),
      }),
    }),
  }),
});

/** Knows entries of a v2 log by one public key: the plainest verifier of leaves that tells the truth. */
export function makeKeyVerifier(spki: string): Pick<EvidenceVerifier, 'candidate' | 'own'> {
  const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });

  function read(body: Uint8Array) {
    if (!Buffer.from(body).includes(spki)) return undefined;
    const entry = z.safeParse(leafV2, JSON.parse(Buffer.from(body).toString('utf8'))).data?.spec
      .hashedRekordV002;
    return entry?.signature.verifier.publicKey.rawBytes === spki ? entry : undefined;
  }

  return {
    candidate(body) {
      const entry = read(body);
      return entry && Buffer.from(entry.data.digest, 'base64').toString('hex');
    },
    async own(statement, body) {
      const entry = read(body);
      const digest = createHash('sha256').update(statement, 'utf8').digest('base64');
      if (entry?.data.digest !== digest) return undefined;
      const signature = entry.signature.content;
      const isGood = verify('sha256', Buffer.from(statement, 'utf8'), key, Buffer.from(signature, 'base64'));
      return isGood ? { statement, signature, verifier: { kind: 'publicKey', spki } } : undefined;
    },
  };
}
