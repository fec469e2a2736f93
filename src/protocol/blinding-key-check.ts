import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { blindedClaimId } from '../ledger/claim-id.ts';
import type { Privacy, TagRecord } from '../ledger/record.ts';
import { recordName } from '../ledger/tag-record.ts';
import type { Logger } from '../observe/log.ts';
import type { RecordStore, StateStore } from './ports.ts';

/** Of any length, this is some seconds of a first start. */
const MAX_RECORDS = 10_000;
const CONTEXT = 'tagseal/blinding-key/v1';
const DOCUMENT = /^hmac-sha256 ([0-9a-f]{64})\n$/;

export interface BlindingKeyCheckParts {
  readonly state: StateStore;
  readonly store: Pick<RecordStore, 'list'>;
  readonly scope: string;
  readonly privacy: 'auto' | Privacy;
  readonly blindingKey: Uint8Array;
  readonly logger: Logger;
}

/**
 * Whether the key is the one that this scope's private tags were recorded with: under another one each of them would
 * look new. The first start leaves a fingerprint in `state`, later ones compare; without one the first 10,000 records
 * tell. A key that is not used, since `privacy` is plain, may change until there is a blinded record. Records of other
 * scopes alone are warned of. Throws KEY_INVALID, STORE_UNAVAILABLE.
 */
export async function checkBlindingKey(parts: BlindingKeyCheckParts, signal: AbortSignal): Promise<void> {
  const { state, scope, blindingKey, privacy } = parts;
  const name = documentName(scope);
  const mine = createHmac('sha256', blindingKey).update(`${CONTEXT}\n${scope}`).digest();

  async function isKnown(): Promise<boolean | undefined> {
    const document = await state.read(name, signal);
    return document && timingSafeEqual(mine, parseFingerprint(document.text, name));
  }

  const known = await isKnown();
  if (known === true) return;
  if (known === false && privacy !== 'plain')
    throw changed(scope, `its fingerprint in the state document ${quote(name)} is another`);
  await checkRecords(parts, signal);
  const outcome = await state.write(name, { text: fingerprintText(mine), version: undefined }, signal);
  // a conflict where another process started at the same time, or where a key that is not used has changed
  if (outcome === 'conflict' && (await isKnown()) === false && privacy !== 'plain')
    throw changed(scope, 'another process has just started with another key');
}

async function checkRecords(parts: BlindingKeyCheckParts, signal: AbortSignal): Promise<void> {
  const { scope, logger } = parts;
  const { isProven, other, hasOwnScope, otherScope } = await lookAtRecords(parts, signal);
  if (isProven) return;
  if (other !== undefined) {
    throw changed(
      scope,
      `the record ${quote(recordName(other.claimId, other.generation))} was made with another`,
    );
  }
  if (otherScope === undefined || hasOwnScope) return;
  logger.warn(
    'scope.changed',
    { scope, recorded: otherScope },
    `the records are of scope ${quote(otherScope)} and none is of ${quote(scope)}: every tag looks new; set scope back, unless a new ledger is meant`,
  );
}

interface Seen {
  /** Only this key gives the claim id of a record. */
  readonly isProven: boolean;
  /** A blinded record of this scope that this key did not make. */
  readonly other?: TagRecord;
  readonly hasOwnScope: boolean;
  readonly otherScope?: string;
}

async function lookAtRecords(parts: BlindingKeyCheckParts, signal: AbortSignal): Promise<Seen> {
  const { store, scope, blindingKey } = parts;
  let seen: Seen = { isProven: false, hasOwnScope: false };
  let count = 0;
  for await (const stored of store.list(signal)) {
    count += 1;
    if (count > MAX_RECORDS) break;
    if ('error' in stored) continue;
    const { record } = stored;
    if (record.scope !== scope) seen = { ...seen, otherScope: record.scope };
    else if (record.privacy === 'plain') seen = { ...seen, hasOwnScope: true };
    // a record that somebody has changed does not prove that the key is another
    else if (record.claimId !== blindedClaimId(blindingKey, scope, record.reference))
      seen = { ...seen, hasOwnScope: true, other: record };
    else return { ...seen, isProven: true };
  }
  return seen;
}

/** A scope is any printable text, and a document's name is not. */
function documentName(scope: string): string {
  return `blinding-key-${createHash('sha256').update(scope).digest('hex').slice(0, 40)}`;
}

function fingerprintText(fingerprint: Uint8Array): string {
  return `hmac-sha256 ${Buffer.from(fingerprint).toString('hex')}\n`;
}

function parseFingerprint(text: string, name: string): Uint8Array {
  const [, hex] = DOCUMENT.exec(text) ?? [];
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  throw new AppError({
    code: 'KEY_INVALID',
    message: `cannot check the blinding key: the state document ${quote(name)} holds no fingerprint; remove it, and the records are looked at instead`,
  });
}

function changed(scope: string, why: string): AppError {
  return new AppError({
    code: 'KEY_INVALID',
    message:
      `cannot use the blinding key for scope ${quote(scope)}: ${why}, and under a changed key every private tag would look new and could be ` +
      'moved unseen; restore the key that the ledger was made with, or choose a new scope, in which every tag is new',
  });
}
