import { createPublicKey, verify } from 'node:crypto';
import * as z from 'zod/mini';
import { AppError } from '../../src/errors/app-error.ts';
import { statementDigest } from '../../src/ledger/statement.ts';
import type { LogHistory, LogReader, OwnEntry } from '../../src/protocol/ports.ts';

const leaf = z.object({
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

export interface TestHistoryParts {
  readonly reader: LogReader;
  readonly origin: string;
  /** Keys whose entries are ours. */
  readonly spkis: readonly string[];
}

/** The history of a tile log as its leaves tell it, read plainly and never doubted. */
export function makeTestHistory({ reader, origin, spkis }: TestHistoryParts): LogHistory {
  const bodies: Uint8Array[] = [];
  let hasCaughtUp = false;

  function partsAt(index: number) {
    const json: unknown = JSON.parse(Buffer.from(bodies[index] ?? []).toString('utf8'));
    return z.safeParse(leaf, json).data?.spec.hashedRekordV002;
  }

  function ownAt(index: number, statement: string): OwnEntry | undefined {
    const parts = partsAt(index);
    if (parts === undefined) return undefined;
    const { content: signature, verifier } = parts.signature;
    const spki = verifier.publicKey.rawBytes;
    const isOver =
      Buffer.from(parts.data.digest, 'base64').toString('hex') === statementDigest(statement) &&
      spkis.includes(spki);
    if (!isOver) return undefined;
    const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
    if (!verify('sha256', Buffer.from(statement), key, Buffer.from(signature, 'base64'))) return undefined;
    return { index, signed: { statement, signature, verifier: { kind: 'publicKey', spki } } };
  }

  async function follow(signal: AbortSignal): Promise<void> {
    const { treeSize } = await reader.checkpoint(signal);
    const read: Uint8Array[] = [];
    const from = bodies.length;
    for await (const { entries } of reader.leaves(from, treeSize, signal)) read.push(...entries);
    // another call may have read on meanwhile
    bodies.push(...read.slice(bodies.length - from));
    hasCaughtUp = true;
  }

  return {
    async ready(signal) {
      try {
        await follow(signal);
      } catch (error) {
        const isOutage = error instanceof AppError && error.code === 'LOG_UNAVAILABLE';
        if (!hasCaughtUp || !isOutage) throw error;
      }
    },
    position: () => ({ origin, treeSize: bodies.length }),
    async earliest(statement) {
      for (const index of bodies.keys()) {
        const entry = ownAt(index, statement);
        if (entry !== undefined) return entry;
      }
      return undefined;
    },
    knows: (digest) =>
      [...bodies.keys()].some(
        (index) => Buffer.from(partsAt(index)?.data.digest ?? '', 'base64').toString('hex') === digest,
      ),
    bundleOf: ({ index, signed }, signal) => reader.bundleAt(index, signed, signal),
  };
}
