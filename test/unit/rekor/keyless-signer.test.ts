import { verify, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SignedStatement } from '../../../src/ledger/evidence.ts';
import type { Logger } from '../../../src/observe/log.ts';
import { makeKeylessSigner, type KeylessSigner } from '../../../src/rekor/keyless/keyless-signer.ts';
import { fakeToken, IDENTITY, ISSUER, makeFakeFulcio, type FakeFulcio } from '../../support/fake-fulcio.ts';
import { makeFakeTimestamps, type FakeTimestamps } from '../../support/fake-timestamps.ts';
import { startLoopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { makeManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { NEVER, signedStatement } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

let clock: ManualClock;
/** What Fulcio and the timestamp authority go by. */
let world: ManualClock;
let fulcio: FakeFulcio;
let timestamps: FakeTimestamps;
let servers: readonly [LoopbackServer, LoopbackServer];
let events: string[];
let onEvent: (event: string) => void;

beforeEach(async () => {
  clock = makeManualClock();
  world = makeManualClock();
  fulcio = await makeFakeFulcio({ clock: world });
  timestamps = makeFakeTimestamps({ clock: world });
  servers = [
    await startLoopbackServer((request, response) => fulcio.listener(request, response)),
    await startLoopbackServer((request, response) => timestamps.listener(request, response)),
  ];
  events = [];
  onEvent = () => undefined;
});

afterEach(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});

function pass(milliseconds: number): void {
  clock.advance(milliseconds);
  world.advance(milliseconds);
}

interface Wish {
  readonly isTimestamped?: boolean;
  readonly pinned?: { readonly identity: string; readonly issuer: string };
}

function makeSigner({ isTimestamped = false, pinned }: Wish = {}): KeylessSigner {
  const log = (event: string) => {
    events.push(event);
    onEvent(event);
  };
  const logger: Logger = { error: log, warn: log, info: log, debug: log };
  return makeKeylessSigner({
    fulcioUrl: servers[0].url,
    token: { kind: 'environment', variable: 'TOKEN', token: fakeToken() },
    ...(isTimestamped && { tsaUrl: `${servers[1].url}/api/v1/timestamp` }),
    ...(pinned && { pinned }),
    clock,
    logger,
    dispatcher: servers[0].dispatcher,
    timeLimitMs: 5_000,
  });
}

function certificateOf({ verifier }: SignedStatement): X509Certificate {
  return new X509Certificate(Buffer.from(verifier.kind === 'certificate' ? verifier.der : '', 'base64'));
}

/** Resolves when the signer has logged this event (again). */
const logged = (event: string) =>
  new Promise<void>((resolve) => {
    onEvent = (seen) => {
      if (seen === event) resolve();
    };
  });

describe('makeKeylessSigner', () => {
  it('signs the bytes of a statement with the key of its certificate', async () => {
    const signed = await makeSigner().sign('{"ü":1}', NEVER);
    const { publicKey } = certificateOf(signed);
    const signature = Buffer.from(signed.signature, 'base64');
    expect(verify('sha256', Buffer.from('{"ü":1}', 'utf8'), publicKey, signature)).toBe(true);
    expect(Object.keys(signed)).toEqual(['statement', 'signature', 'verifier']);
  });

  it('uses one certificate for its lifetime, and another key for the next', async () => {
    const signer = makeSigner();
    const first = certificateOf(await signer.sign('a', NEVER));
    pass(6 * MINUTE);
    expect(certificateOf(await signer.sign('b', NEVER)).serialNumber).toBe(first.serialNumber);
    expect(fulcio.requests).toHaveLength(1);
    pass(3.5 * MINUTE);
    const second = certificateOf(await signer.sign('c', NEVER));
    expect(second.serialNumber).not.toBe(first.serialNumber);
    expect(second.publicKey.equals(first.publicKey)).toBe(false);
  });

  it('asks once for all who need a certificate at once', async () => {
    const signer = makeSigner();
    const signed = await Promise.all(Array.from({ length: 50 }, (_, at) => signer.sign(`${at}`, NEVER)));
    expect(new Set(signed.map((each) => certificateOf(each).serialNumber)).size).toBe(1);
    expect(fulcio.requests).toHaveLength(1);
  });

  it('renews ahead in the background, and signs with the old certificate meanwhile', async () => {
    const signer = makeSigner();
    const first = certificateOf(await signer.sign('a', NEVER));
    pass(7 * MINUTE);
    const gate = Promise.withResolvers<undefined>();
    fulcio.beforeAnswer = () => gate.promise;
    const renewed = logged('signer.certified');
    for (const text of ['b', 'c', 'd']) {
      expect(certificateOf(await signer.sign(text, NEVER)).serialNumber).toBe(first.serialNumber);
    }
    gate.resolve(undefined);
    await renewed;
    expect(certificateOf(await signer.sign('e', NEVER)).serialNumber).not.toBe(first.serialNumber);
    expect(fulcio.requests).toHaveLength(2);
  });

  it('goes on with the old certificate while Fulcio is away, and asks again after a pause', async () => {
    const signer = makeSigner();
    await signer.sign('a', NEVER);
    pass(7 * MINUTE);
    const { listener } = fulcio;
    let calls = 0;
    const away: FakeFulcio = {
      ...fulcio,
      listener: (_, response) => {
        calls += 1;
        response.writeHead(503).end();
      },
    };
    fulcio = away;
    const failed = logged('signer.notRenewed');
    await signer.sign('b', NEVER);
    await failed;
    await signer.sign('c', NEVER);
    // behind whatever the signer may have sent
    for (let probe = 0; probe < 3; probe += 1) await fetch(servers[0].url);
    expect(calls).toBe(1 + 3);
    pass(10_000);
    fulcio = { ...away, listener };
    const renewed = logged('signer.certified');
    await signer.sign('d', NEVER);
    await renewed;
    expect(events).toEqual(['signer.certified', 'signer.notRenewed', 'signer.certified']);
  });

  it('is unavailable without a usable certificate while Fulcio is away, and signs when it is back', async () => {
    const signer = makeSigner();
    const { listener } = fulcio;
    fulcio = { ...fulcio, listener: (_, response) => response.writeHead(503).end() };
    expect(await codeOf(() => signer.sign('a', NEVER))).toBe('SIGNER_UNAVAILABLE');
    fulcio = { ...fulcio, listener };
    expect(await codeOf(() => signer.sign('a', NEVER))).toBeUndefined();
  });

  it('leaves one asker behind without failing the others', async () => {
    const signer = makeSigner();
    const asker = new AbortController();
    fulcio.beforeAnswer = () => {
      asker.abort(new Error('gone'));
    };
    const [left, stayed] = await Promise.allSettled([
      signer.sign('a', asker.signal),
      signer.sign('b', NEVER),
    ]);
    expect([left.status, stayed.status]).toEqual(['rejected', 'fulfilled']);
  });

  it('tells whom it signs as, and signs nothing for that', async () => {
    expect(await makeSigner({ isTimestamped: true }).identity(NEVER)).toEqual({
      san: IDENTITY,
      issuer: ISSUER,
      notBefore: world.now(),
      notAfter: world.now() + 10 * MINUTE,
      tokenSource: 'environment variable "TOKEN"',
    });
    expect(timestamps.requests).toHaveLength(0);
  });

  it('signs as the identity that is pinned', async () => {
    const signer = makeSigner({ pinned: { identity: IDENTITY, issuer: ISSUER } });
    expect(await codeOf(() => signer.sign('a', NEVER))).toBeUndefined();
  });

  it.each([
    { identity: `${IDENTITY}2`, issuer: ISSUER },
    { identity: IDENTITY.slice(0, -1), issuer: ISSUER },
    { identity: IDENTITY.toUpperCase(), issuer: ISSUER },
    { identity: '.*', issuer: ISSUER },
    { identity: IDENTITY, issuer: `${ISSUER}/` },
    { identity: IDENTITY, issuer: '' },
  ])('signs nothing when $identity of $issuer is pinned', async (pinned) => {
    const signer = makeSigner({ isTimestamped: true, pinned });
    for (const run of [() => signer.sign('a', NEVER), () => signer.identity(NEVER)]) {
      await expect(run()).rejects.toMatchObject({
        code: 'IDENTITY_MISMATCH',
        message: expect.stringContaining(JSON.stringify(IDENTITY)),
      });
    }
    expect(timestamps.requests).toHaveLength(0);
  });

  it('pins the identity of renewed certificates, too', async () => {
    const signer = makeSigner({ pinned: { identity: IDENTITY, issuer: ISSUER } });
    await signer.sign('a', NEVER);
    fulcio.next = { names: [{ type: 'email', value: 'me@example.com' }] };
    pass(10 * MINUTE);
    expect(await codeOf(() => signer.sign('b', NEVER))).toBe('IDENTITY_MISMATCH');
  });
});

describe('a keyless signer with a timestamp authority', () => {
  it('puts a timestamp beside each signature', async () => {
    const { timestamp } = await makeSigner({ isTimestamped: true }).sign('a', NEVER);
    expect(Buffer.from(timestamp ?? '', 'base64')[0]).toBe(0x30);
    expect(timestamps.requests).toHaveLength(1);
  });

  it('is unavailable while the authority is', async () => {
    timestamps = { ...timestamps, listener: (_, response) => response.writeHead(500).end() };
    expect(await codeOf(() => makeSigner({ isTimestamped: true }).sign('a', NEVER))).toBe(
      'SIGNER_UNAVAILABLE',
    );
  });

  it('takes a new certificate when the timestamp shows that the old one has ended', async () => {
    const signer = makeSigner({ isTimestamped: true });
    const first = certificateOf(await signer.sign('a', NEVER));
    // this machine's clock stood still
    world.advance(11 * MINUTE);
    const second = certificateOf(await signer.sign('b', NEVER));
    expect(second.serialNumber).not.toBe(first.serialNumber);
  });

  it.each([-1, 601])('refuses a timestamp %d s after the beginning of a new certificate', async (seconds) => {
    timestamps.next = (info) => {
      info.genTime = new Date(world.now() + seconds * 1_000);
    };
    expect(await codeOf(() => makeSigner({ isTimestamped: true }).sign('a', NEVER))).toBe(
      'SIGNER_UNAVAILABLE',
    );
    expect(fulcio.requests).toHaveLength(2);
  });
});

describe('a keyless signer on a machine whose clock is wrong', () => {
  it.each([-DAY, -MINUTE, 2 * MINUTE, 8 * MINUTE, DAY])(
    'uses a certificate for its lifetime when the clock is off by %d ms',
    async (offset) => {
      clock.advance(offset);
      const signer = makeSigner();
      const first = await signer.sign('a', NEVER);
      expect(signer.isFresh(first)).toBe(true);
      pass(3 * MINUTE);
      await signer.sign('b', NEVER);
      expect(fulcio.requests).toHaveLength(1);
      pass(7 * MINUTE);
      expect(signer.isFresh(first)).toBe(false);
      await signer.sign('c', NEVER);
      expect(fulcio.requests).toHaveLength(2);
    },
  );
});

describe('isFresh of a keyless signer', () => {
  it('says yes until shortly before the certificate ends, and for ever with a timestamp', async () => {
    const signer = makeSigner();
    const signed = await signer.sign('a', NEVER);
    pass(9 * MINUTE);
    expect(signer.isFresh(signed)).toBe(true);
    pass(45_000);
    expect(signer.isFresh(signed)).toBe(false);
    expect(signer.isFresh({ ...signed, timestamp: 'AAAA' })).toBe(true);
  });

  it('says yes for what a key has signed', async () => {
    expect(makeSigner().isFresh(await signedStatement())).toBe(true);
  });

  it('refuses a certificate that cannot be read', async () => {
    const signed = await makeSigner().sign('a', NEVER);
    const bad = { ...signed, verifier: { kind: 'certificate', der: 'AAAA' } } as const;
    expect(await codeOf(() => makeSigner().isFresh(bad))).toBe('RECORD_INVALID');
  });
});
