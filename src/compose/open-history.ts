import { createHmac, randomUUID } from 'node:crypto';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { SystemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { makeHeadTail } from '../protocol/head-tail.ts';
import type { AuditedLog } from '../protocol/audit.ts';
import { joinHistories } from '../protocol/join-histories.ts';
import type { Candidate, EvidenceVerifier, LogHistory, LogReader, StateStore } from '../protocol/ports.ts';
import { makeShardLife } from '../protocol/shard-life.ts';
import { makeSearchHistory } from '../protocol/search-history.ts';
import { makeSharedTail, type SharedTail } from '../protocol/shared-tail.ts';
import { makeTailFloor } from '../protocol/tail-floor.ts';
import { makeTailLease } from '../protocol/tail-lease.ts';
import { makeTailSnapshots, tailPrefix } from '../protocol/tail-snapshot.ts';
import type { TailObservation } from '../protocol/tail-meter.ts';
import { makeTail, type Tail } from '../protocol/tail.ts';
import { makeTileHistory } from '../protocol/tile-history.ts';
import { logIdOf, type LogTrust } from '../rekor/trusted-root.ts';
import { windowOf } from '../rekor/verify/window.ts';
import type { OpenedLog } from './open-log.ts';
import type { OpenedSigner } from './open-signer.ts';
import { tailPlace } from './tail-place.ts';

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
  /** Where every leaf is read: the shard that takes entries last. */
  readonly followed: readonly AuditedLog[];
  close(): Promise<void>;
}

/** What the log has seen of ours: leaf by leaf where that can be, else by asking. */
export function openHistory(parts: HistoryParts): OpenedHistory {
  const { log, verifier, signer, lifetime } = parts;
  const { follow, trusted } = log;
  if (follow.kind === 'tiles') return openTileHistory(parts, follow);
  const head = makeHeadTail({ head: follow.head, origin: trusted[0].origin, lifetime });
  // one key makes one entry, whose look-up is exact: the index could only add what other signers of ours have made
  const isAlone = signer.signer.deterministic && signer.keys.length + signer.identities.length === 1;
  const search = isAlone ? { ...follow.search, candidates: none } : follow.search;
  return {
    history: makeSearchHistory({ head, search, signer: signer.unstamped, verifier }),
    follow: (signal) => head.follow(signal),
    followed: [],
    close: () => Promise.resolve(),
  };
}

async function* none(): AsyncIterable<readonly Candidate[]> {
  yield* [];
}

interface Shard {
  readonly trust: LogTrust;
  readonly reader: LogReader;
  /** It takes entries. */
  readonly isActive: boolean;
  readonly accept?: (checkpoint: Checkpoint) => void;
}

function openTileHistory(
  parts: HistoryParts,
  { reader, earlier, accept }: Extract<OpenedLog['follow'], { readonly kind: 'tiles' }>,
): OpenedHistory {
  const { log, metrics } = parts;
  const [trust] = log.trusted;
  const frozen = earlier.toReversed().map((shard) => openShard(parts, { ...shard, isActive: false }));
  const active = openShard(parts, { trust, reader, isActive: true, ...(accept && { accept }) });
  const all = [...frozen, active];
  return {
    history:
      frozen.length === 0
        ? active.history
        : joinHistories(
            active.history,
            frozen.map((each) => each.history),
          ),
    followed: all.map((each) => each.followed),
    async follow(signal) {
      try {
        await Promise.all(all.map((each) => each.turn(signal)));
      } finally {
        metrics?.setForked(all.some(({ followed }) => followed.tail.fork() !== undefined));
      }
    },
    async close() {
      await Promise.all(all.map((each) => each.close(AbortSignal.timeout(CLOSE_MS))));
    },
  };
}

interface OpenedShard {
  readonly history: LogHistory;
  readonly followed: AuditedLog;
  turn(signal: AbortSignal): Promise<void>;
  close(signal: AbortSignal): Promise<void>;
}

function openShard(parts: HistoryParts, { trust, reader, isActive, accept }: Shard): OpenedShard {
  const { state, verifier, signer, secret, clock, logger, lifetime, metrics } = parts;
  const { origin } = trust;
  const place = tailPlace(trust, signer);
  const watch = { clock, observe: (seen: TailObservation) => isActive && metrics?.setTail(seen) };
  // the origin of a v1's checkpoints is known only once it was asked
  const floor = trust.kind === 'rekor-v1' ? undefined : makeTailFloor({ state, log: place.log, logger });
  const common = { verifier, logger, origin, lifetime, watch, ...(accept && { accept }) };
  const key = createHmac('sha256', secret).update('tagseal/tail/v1').digest();
  const prefix = tailPrefix(place);
  const open = (from: LogReader): SharedTail =>
    makeSharedTail({
      ...common,
      reader: from,
      clock,
      ...(floor && { floor }),
      snapshots: makeTailSnapshots({ ...place, state, key, logger }),
      ...(metrics && {
        lease: makeTailLease({
          state,
          name: `${prefix}-lease`,
          holder: randomUUID(),
          clock,
          periodMs: FOLLOW_EVERY_MS,
        }),
      }),
    });
  const life = {
    ...{ reader, open, clock, state, key, logger },
    name: `${prefix}-end`,
    takesEntries: windowOf(trust.validFor),
  };
  const shared =
    trust.kind === 'rekor-v1'
      ? unshared(makeTail({ ...common, reader }))
      : isActive
        ? open(reader)
        : makeShardLife(life);
  return {
    history: makeTileHistory({ tail: shared.tail, reader, verifier, floor }),
    followed: { tail: shared.tail, reader, logId: logIdOf(trust) },
    turn: (signal) => shared.turn(signal),
    close: (signal) => shared.close(signal),
  };
}

/** The origin of a v1's checkpoints is known only once it was asked, so nothing is kept: its log is small, by choice. */
function unshared(tail: Tail): SharedTail {
  return { tail, leads: () => true, turn: (signal) => tail.follow(signal), close: () => Promise.resolve() };
}
