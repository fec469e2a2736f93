import { describe, expect, it } from '@jest/globals';
import type { ClusterEvent, Observed, ScannedPod } from '../../../src/controller/ports.ts';
import { makeScanner } from '../../../src/controller/scan.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import { makeObserved } from '../../support/observed.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { loggedRecord } from '../../support/verdicts.ts';

const TAG = 'ghcr.io/acme/api:1';
const { signal } = new AbortController();

function pod(name: string, text: string, running?: Digest): ScannedPod {
  const image = { container: 'main', text, ...(running && { running }) };
  return { namespace: 'shop', name, uid: `uid-${name}`, images: [image] };
}

interface World {
  readonly pods: readonly ScannedPod[];
  readonly now?: Digest | ErrorCode;
  readonly record?: 'none' | ErrorCode;
  readonly before?: Observed['state'];
}

function failing(code: string): AppError {
  return new AppError({ code: code as ErrorCode, message: 'told' });
}

async function scanned({ pods, now = digestOfA, record, before }: World) {
  const { logger, clock, lines } = makeObserved();
  const observed: Observed[] = [];
  const events: ClusterEvent[] = [];
  const asked: string[] = [];
  const scan = makeScanner({
    place: {
      async *pods() {
        yield await Promise.resolve(pods.slice(0, 1));
        yield pods.slice(1);
      },
      observe(_record, seen) {
        observed.push(seen);
        return Promise.resolve(before);
      },
      tell(event) {
        events.push(event);
        return Promise.resolve();
      },
    },
    ledger: {
      find(reference) {
        if (record === 'none') return Promise.resolve(undefined);
        if (record !== undefined) return Promise.reject(failing(record));
        return Promise.resolve({ record: loggedRecord(reference.canonical), logged: true });
      },
    },
    resolver: {
      recheck(reference) {
        asked.push(reference.canonical);
        if (!now.startsWith('sha256:')) return Promise.reject(failing(now));
        return Promise.resolve({ digest: now as Digest, hashed: false });
      },
    },
    pace: () => Promise.resolve(),
    clock,
    logger,
  });
  return { level: await scan(signal), observed, events, asked, lines };
}

const told = (events: readonly ClusterEvent[]) =>
  events.map(({ about, reason }) => `${about.kind} ${reason}`).toSorted();

describe('a scan', () => {
  it('asks for each tag once, however many Pods use it, and whatever they pin beside it', async () => {
    const pods = [pod('a', TAG), pod('b', `${TAG}@${digestOfA}`), pod('c', 'ghcr.io/acme/other:2')];
    const { level, asked } = await scanned({ pods });
    expect(asked.toSorted()).toEqual([TAG, 'ghcr.io/acme/other:2']);
    expect(level).toMatchObject({ pods: 3, tags: new Map([['Same', 2]]), otherDigests: 0 });
  });

  it.each<[string, World['now'], string[]]>([
    ['Moved', digestOfB, ['Pod TagMoved', 'TagRecord TagMoved']],
    ['Gone', 'MANIFEST_UNKNOWN', ['Pod TagGone', 'TagRecord TagGone']],
    ['Unknown', 'REGISTRY_UNAVAILABLE', []],
    ['Unknown', 'ADDRESS_FORBIDDEN', []],
    ['Same', digestOfA, []],
  ])('finds %s by %s, notes it beside the record and tells', async (state, now, events) => {
    const found = await scanned({ pods: [pod('a', TAG)], ...(now && { now }), before: 'Same' });
    expect(found.observed).toMatchObject([{ state }]);
    expect(told(found.events)).toEqual(events);
    expect(found.level.tags).toEqual(new Map([[state, 1]]));
  });

  it('tells of a move once', async () => {
    const { events } = await scanned({ pods: [pod('a', TAG)], now: digestOfB, before: 'Moved' });
    expect(events).toEqual([]);
  });

  it('tells of a Pod that runs another digest, and counts it', async () => {
    const { events, level } = await scanned({
      pods: [pod('a', TAG, digestOfB), pod('b', TAG, digestOfA), pod('c', TAG)],
    });
    expect(told(events)).toEqual(['Pod DigestNotRecorded']);
    expect(level.otherDigests).toBe(1);
  });

  it.each<[World['record'], string]>([
    ['none', 'Unrecorded'],
    ['RECORD_INVALID', 'Refused'],
  ])('asks no registry where the record is %s, and records nothing', async (record, state) => {
    const { asked, observed, level } = await scanned({ pods: [pod('a', TAG)], ...(record && { record }) });
    expect([asked, observed]).toEqual([[], []]);
    expect(level.tags).toEqual(new Map([[state, 1]]));
  });

  it.each(['::', 'ghcr.io/acme/api@' + digestOfA])('passes over %j, which names no tag', async (text) => {
    const { level } = await scanned({ pods: [pod('a', text)] });
    expect(level).toMatchObject({ pods: 1, tags: new Map() });
  });
});
