import { join } from 'node:path';
import { makeCompactRange } from '../../src/ledger/compact-range.ts';
import { leafHash } from '../../src/ledger/leaf-hash.ts';
import type { TagRecord } from '../../src/ledger/record.ts';
import { readEmbeddedTrust } from '../../src/rekor/embedded/read-trust.ts';
import { entryLeafHash } from '../../src/rekor/entry.ts';
import { makeUndiciTransport } from '../../src/rekor/undici-transport.ts';
import { makeDirectoryStore } from '../../src/store/directory-store.ts';
import { clientOf } from './test-log.ts';
import { NEVER } from './test-signer.ts';

/** The phases of a record whose entries are in the log: the audit may have seen them by now, or not yet. */
export const IN_THE_LOG = /^(?:Logged|Confirmed)$/;

/** What a `tagseal serve` has on its disk and shows to the world. */
export interface ServedLedger {
  /** One for each tag. */
  readonly records: readonly TagRecord[];
  /** Hashes of the log's leaves, hex, sorted. */
  readonly leaves: readonly string[];
  /** What the leaves must be: one claim and one binding for each record; hex, sorted. */
  readonly expectedLeaves: readonly string[];
}

/** Reads both; throws unless the log's leaves, from the first on, make the root that its checkpoint signs. */
export async function readServedLedger(
  { admin }: { readonly admin: string },
  folder: string,
): Promise<ServedLedger> {
  const records = await readRecords(folder);
  return {
    records,
    leaves: (await readLeaves(admin, folder)).toSorted(),
    expectedLeaves: records
      .flatMap(({ claim, binding }) => [claim, binding])
      .map((signed) => entryLeafHash('embedded', signed))
      .toSorted(),
  };
}

/** The newest version of every record. */
export async function readRecords(folder: string): Promise<readonly TagRecord[]> {
  const store = makeDirectoryStore({ directory: join(folder, 'data', 'records'), uniqueName: () => 'none' });
  const records: TagRecord[] = [];
  for await (const stored of store.list(NEVER)) {
    if ('error' in stored) throw stored.error;
    records.push(stored.record);
  }
  return records;
}

async function readLeaves(admin: string, folder: string): Promise<readonly string[]> {
  const trust = await readEmbeddedTrust(join(folder, 'data', 'log'));
  const client = clientOf(trust, makeUndiciTransport({ baseUrl: `${admin}/log` }));
  const { treeSize, rootHash } = await client.checkpoint(NEVER);
  const range = makeCompactRange();
  const leaves: string[] = [];
  for await (const { entries } of client.leaves(0, treeSize, NEVER)) {
    for (const body of entries) {
      range.append(leafHash(body));
      leaves.push(Buffer.from(leafHash(body)).toString('hex'));
    }
  }
  if (!Buffer.from(rootHash).equals(range.root())) throw new Error('the leaves do not make the signed root');
  return leaves;
}
