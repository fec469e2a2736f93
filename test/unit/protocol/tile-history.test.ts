import { describe, expect, it } from '@jest/globals';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { EvidenceVerifier, LogReader } from '../../../src/protocol/ports.ts';
import { makeTail } from '../../../src/protocol/tail.ts';
import { makeTileHistory } from '../../../src/protocol/tile-history.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import { makeKeyVerifier } from '../../support/key-verifier.ts';
import { SILENT, startEmbeddedLog, type RunningLog } from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const newSigner = () => makeKeySigner({ pem: generateKey().privateKeyPem, source: 'test' });
const signer = newSigner();
const verifier = makeKeyVerifier(signer.spki);

interface Changes {
  readonly reader?: Partial<LogReader>;
  readonly verifier?: Partial<EvidenceVerifier>;
}

function historyOf({ client, trust: { origin } }: RunningLog, changes: Changes = {}) {
  const reader = { ...client, ...changes.reader };
  const all = { ...verifier, ...changes.verifier };
  const tail = makeTail({ reader: client, verifier: all, logger: SILENT, origin, lifetime: signal });
  return makeTileHistory({ tail, reader, verifier: all });
}

async function write(log: RunningLog, text: string, by = signer) {
  const signed = await by.sign(text, signal);
  await log.client.submit(signed, signal);
  return signed;
}

describe('makeTileHistory', () => {
  it('finds our entry by its statement alone, and its bundle', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'ours', newSigner());
    const ours = await write(log, 'ours');
    const history = historyOf(log);
    await history.ready(signal);
    expect(history.position().treeSize).toBe(2);
    expect(history.knows(statementDigest('ours'))).toBe(true);
    const entry = await history.earliest('ours', signal);
    expect(entry).toEqual({ index: 1, signed: ours, origin: log.trust.origin });
    if (entry === undefined) throw new Error('no entry');
    expect(await history.bundleOf(entry, signal)).toMatchObject({
      verificationMaterial: { tlogEntries: [{ logIndex: '1' }] },
    });
  });

  it('says "none" only of what it has read, without asking the log', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    const history = historyOf(log, { reader: { leaves: () => raise('asked for leaves') } });
    await history.ready(signal);
    await write(log, 'two');
    expect(history.knows(statementDigest('two'))).toBe(false);
    expect(await history.earliest('two', signal)).toBeUndefined();
    await expect(history.earliest('one', signal)).rejects.toThrow('asked for leaves');
  });

  it('passes over candidates that are not signed by us, and takes the first that is', async () => {
    await using log = await startEmbeddedLog();
    const other = newSigner();
    const both = [makeKeyVerifier(other.spki), verifier];
    for (const by of [other, signer]) await write(log, 'tag', by);
    const anybody: Partial<EvidenceVerifier> = {
      candidate: (body) => both.map((each) => each.candidate(body)).find((found) => found !== undefined),
    };
    const history = historyOf(log, { verifier: anybody });
    await history.ready(signal);
    expect(await history.earliest('tag', signal)).toMatchObject({ index: 1 });
  });

  it.each([
    ['another body', (entries: readonly Uint8Array[]) => entries.map(() => Buffer.from('forged'))],
    ['no body', () => []],
  ])('refuses %s where our leaf stood when the tail passed', async (_, change) => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    const forging: Pick<LogReader, 'leaves'> = {
      async *leaves(from, to, until) {
        for await (const batch of log.client.leaves(from, to, until))
          yield { ...batch, entries: change(batch.entries) };
      },
    };
    const history = historyOf(log, { reader: forging });
    await history.ready(signal);
    expect(await codeOf(() => history.earliest('one', signal))).toBe('LOG_PROOF_INVALID');
  });

  it('reads a bundle of leaves once for all tags in it', async () => {
    await using log = await startEmbeddedLog();
    for (const text of ['one', 'two', 'three']) await write(log, text);
    const asked: [number, number][] = [];
    const counting: Pick<LogReader, 'leaves'> = {
      leaves(from, to, until) {
        asked.push([from, to]);
        return log.client.leaves(from, to, until);
      },
    };
    const history = historyOf(log, { reader: counting });
    await history.ready(signal);
    const found = [];
    for (const text of ['one', 'two', 'three']) found.push(await history.earliest(text, signal));
    expect(found.map((entry) => entry?.index)).toEqual([0, 1, 2]);
    expect(asked).toEqual([[0, 3]]);
  });
});

function raise(message: string): never {
  throw new Error(message);
}
