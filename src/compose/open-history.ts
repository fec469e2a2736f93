import { createHmac, randomUUID } from 'node:crypto';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { SystemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { makeHeadTail } from '../protocol/head-tail.ts';
import type { EvidenceVerifier, LogHistory, StateStore } from '../protocol/ports.ts';
import { makeSearchHistory } from '../protocol/search-history.ts';
import { makeSharedTail } from '../protocol/shared-tail.ts';
import { makeTailLease } from '../protocol/tail-lease.ts';
import { makeTailSnapshots, tailPrefix } from '../protocol/tail-snapshot.ts';
import type { Tail } from '../protocol/tail.ts';
import { makeTileHistory } from '../protocol/tile-history.ts';
import type { OpenedLog } from './open-log.ts';
import type { OpenedSigner } from './open-signer.ts';

/** A turn of the background job comes at least this often. */
export const FOLLOW_EVERY_MS = 5_000;
/** For what is saved at the end: a store that does not answer must not hold up the stop. */
const CLOSE_MS = 2_000;

export interface HistoryParts {
  readonly log: OpenedLog;
  readonly state: StateStore;
  readonly signer: OpenedSigner;
  readonly verifier: EvidenceVerifier;
  /** A secret of the ledger. */
  readonly secret: Uint8Array;
  readonly clock: SystemClock;
  readonly logger: Logger;
  readonly lifetime: AbortSignal;
  /** Absent for a command: it reads for itself alone. */
  readonly metrics?: Metrics | undefined;
}

export interface OpenedHistory {
  readonly history: LogHistory;
  /** One turn of the background work. */
  follow(signal: AbortSignal): Promise<void>;
  /** Where every leaf is read. */
  readonly tail?: Tail;
  close(): Promise<void>;
}

/** What the log has seen of ours: leaf by leaf where there are tiles, else by asking. */
export function openHistory(parts: HistoryParts): OpenedHistory {
  const { log, verifier, signer, lifetime } = parts;
  const { origin } = log.writer.identity;
  const { follow } = log;
  if (follow.kind === 'tiles') return openTileHistory(parts, follow);
  const head = makeHeadTail({ head: follow.head, origin, lifetime });
  return {
    history: makeSearchHistory({ head, search: follow.search, signer: signer.signer, verifier }),
    follow: (signal) => head.follow(signal),
    close: () => Promise.resolve(),
  };
}

function openTileHistory(
  parts: HistoryParts,
  { reader, accept }: Extract<OpenedLog['follow'], { readonly kind: 'tiles' }>,
): OpenedHistory {
  const { log, state, verifier, signer, secret, clock, logger, lifetime, metrics } = parts;
  const [{ origin, spki }] = log.trusted;
  const place = {
    log: { origin, spki: Buffer.from(spki, 'base64') },
    watched: [...signer.keys, ...signer.identities.map(({ san, issuer }) => `${san} ${issuer}`)],
  };
  const key = createHmac('sha256', secret).update('tagseal/tail/v1').digest();
  const lease = makeTailLease({
    state,
    name: `${tailPrefix(place)}-lease`,
    holder: randomUUID(),
    clock,
    periodMs: FOLLOW_EVERY_MS,
  });
  const shared = makeSharedTail({
    reader,
    verifier,
    logger,
    origin,
    lifetime,
    clock,
    snapshots: makeTailSnapshots({ ...place, state, key, logger }),
    ...(accept && { accept: (checkpoint: Checkpoint) => accept(checkpoint) }),
    ...(metrics && { lease, watch: { clock, observe: (seen) => metrics.setTail(seen) } }),
  });
  return {
    history: makeTileHistory({ tail: shared.tail, reader, verifier }),
    tail: shared.tail,
    async follow(signal) {
      try {
        await shared.turn(signal);
      } finally {
        metrics?.setForked(shared.tail.fork() !== undefined);
      }
    },
    close: () => shared.close(AbortSignal.timeout(CLOSE_MS)),
  };
}
