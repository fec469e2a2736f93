import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { TimeStampReq, type TSTInfo } from '@peculiar/asn1-tsp';
import { makeServiceCall } from '../../../src/rekor/keyless/service-call.ts';
import { makeTimestampAuthority, type Timestamp } from '../../../src/rekor/keyless/timestamp-authority.ts';
import { withTimestamp } from '../../../src/rekor/keyless/timestamped.ts';
import { readTimestampToken } from '../../../src/rekor/verify/timestamp-token.ts';
import { bytesOf } from '../../support/fake-fulcio.ts';
import { makeFakeTsa } from '../../support/fake-tsa.ts';
import { makeFakeTimestamps, tlv } from '../../support/fake-timestamps.ts';
import { BAD_LISTENERS, startLoopbackServer, patienceMs } from '../../support/loopback-server.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { makeTestSigner, NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const clock = makeManualClock();
const SIGNATURE = Buffer.from('a signature').toString('base64');

async function stampAt(
  listener: RequestListener,
  { random, signal = NEVER }: { random?: (size: number) => Uint8Array; signal?: AbortSignal } = {},
): Promise<Timestamp> {
  await using server = await startLoopbackServer(listener);
  const authority = makeTimestampAuthority({
    url: `${server.url}/api/v1/timestamp`,
    call: makeServiceCall({ dispatcher: server.dispatcher, timeLimitMs: patienceMs(listener) }),
    ...(random && { random }),
  });
  return await authority.timestamp(SIGNATURE, signal);
}

const tsa = await makeFakeTsa();
const bytes = (...values: readonly number[]) => new OctetString(Uint8Array.from(values));

describe('makeTimestampAuthority', () => {
  it('asks for the SHA-256 of the signature, with a nonce and the certificate', async () => {
    const fake = makeFakeTimestamps({ clock });
    const random = (size: number) => new Uint8Array(size).fill(0xff);
    const { time, der } = await stampAt(fake.listener, { random });
    expect(time).toBe(clock.now());
    expect(Buffer.from(der, 'base64')[0]).toBe(0x30);
    const [asked] = fake.requests;
    const imprint = createHash('sha256').update('a signature').digest();
    expect(Buffer.from(asked?.messageImprint.hashedMessage.buffer ?? new ArrayBuffer(0))).toEqual(imprint);
    expect(asked?.messageImprint.hashAlgorithm.algorithm).toBe('2.16.840.1.101.3.4.2.1');
    expect(asked?.certReq).toBe(true);
    expect(Buffer.from(asked?.nonce ?? new ArrayBuffer(0))).toEqual(Buffer.alloc(16, 0xff).fill(0x7f, 0, 1));
  });

  it('takes another nonce each time', async () => {
    const fake = makeFakeTimestamps({ clock });
    await stampAt(fake.listener);
    await stampAt(fake.listener);
    const [first, second] = fake.requests.map(({ nonce }) => Buffer.from(nonce ?? new ArrayBuffer(0)));
    expect(first).not.toEqual(second);
  });

  it('takes a nonce that begins with zeros', async () => {
    const fake = makeFakeTimestamps({ clock });
    const random = (size: number) => new Uint8Array(size);
    expect((await stampAt(fake.listener, { random })).time).toBe(clock.now());
  });

  const LIES: readonly (readonly [string, (info: TSTInfo) => void])[] = [
    ['over another hash', (info) => (info.messageImprint.hashedMessage = bytes(1, 2, 3))],
    ['by another algorithm', (info) => (info.messageImprint.hashAlgorithm.algorithm = '1.3.14.3.2.26')],
    ['with another nonce', (info) => (info.nonce = Uint8Array.of(1).buffer)],
    ['without a nonce', (info) => delete info.nonce],
  ];

  it.each(LIES)('refuses a timestamp %s', async (_, lie) => {
    const fake = makeFakeTimestamps({ clock });
    fake.next = lie;
    expect(await codeOf(() => stampAt(fake.listener))).toBe('SIGNER_UNAVAILABLE');
  });

  const stampedAt = (written: string) =>
    stampAt((request, response) => {
      void bytesOf(request).then((body) => {
        const { messageImprint, nonce } = AsnConvert.parse(body, TimeStampReq);
        const imprint = Buffer.from(messageImprint.hashedMessage.buffer);
        const answer = tsa.stamp('', { imprint, nonce: Buffer.from(nonce ?? new ArrayBuffer(0)), written });
        response.end(Buffer.from(answer, 'base64'));
      });
    });

  it.each([
    ['20260102030405Z', 0],
    ['20260102030405.5Z', 500],
    ['20260102030405.123Z', 123],
    ['20260102030405.123456Z', 123],
    ['20260102030405.000000001Z', 0],
  ])('takes a time written %s, to the millisecond, as verifiers do', async (written, ms) => {
    const { der, time } = await stampedAt(written);
    expect([time, readTimestampToken(der).time]).toEqual(Array(2).fill(Date.UTC(2026, 0, 2, 3, 4, 5, ms)));
  });

  it.each(['20260102030405.120Z', '20260230030405Z', '202601020304Z', '20260102030405+0100'])(
    'refuses a time written %s, which verifiers cannot read',
    async (written) => {
      expect(await codeOf(() => stampedAt(written))).toBe('SIGNER_UNAVAILABLE');
    },
  );

  const MANGLED: readonly (readonly [string, (answer: Buffer) => Buffer])[] = [
    ['cut off', (answer) => answer.subarray(0, -1)],
    ['with a byte behind it', (answer) => Buffer.concat([answer, Buffer.of(0)])],
    ['said twice', (answer) => Buffer.concat([answer, answer])],
    // 0x82 and two bytes of length become 0x83 and three
    ['whose length is not in DER', (answer) => Buffer.concat([Buffer.of(0x30, 0x83, 0), answer.subarray(2)])],
    ['as text', (answer) => Buffer.from(answer.toString('base64'))],
    ['without a token', () => tlv(0x30, tlv(0x30, tlv(0x02, Buffer.of(0))))],
    [
      'of another content type',
      (answer) => replaceHex(answer, '0b2a864886f70d0109100104', '0b2a864886f70d0109100105'),
    ],
  ];

  it.each(MANGLED)('refuses an answer %s', async (_, mangle) => {
    const fake = makeFakeTimestamps({ clock });
    fake.mangle = mangle;
    expect(await codeOf(() => stampAt(fake.listener))).toBe('SIGNER_UNAVAILABLE');
  });

  it.each([1, 2, 3, 4, 5])('refuses the status %d and tells what the authority said', async (status) => {
    const fake = makeFakeTimestamps({ clock });
    fake.status = status;
    await expect(stampAt(fake.listener)).rejects.toMatchObject({
      code: 'SIGNER_UNAVAILABLE',
      message: expect.stringMatching(/"not today"/),
    });
  });

  it.each(Object.keys(BAD_LISTENERS))('refuses %s', async (name) => {
    expect(await codeOf(() => stampAt(BAD_LISTENERS[name] ?? (() => undefined)))).toBe('SIGNER_UNAVAILABLE');
  });

  it('stops when the asker does', async () => {
    const asker = new AbortController();
    const run = () =>
      stampAt(
        () => {
          asker.abort();
        },
        { signal: asker.signal },
      );
    expect(await codeOf(run)).toBe('DEADLINE_EXCEEDED');
  });

  it('refuses an address that is none', async () => {
    const make = () => makeTimestampAuthority({ url: 'tsa.example.com', call: makeServiceCall({}) });
    expect(await codeOf(make)).toBe('CONFIG_INVALID');
  });
});

describe('withTimestamp', () => {
  it('puts a timestamp over the signature beside what the signer signs, and keeps what else it can do', async () => {
    const asked: string[] = [];
    const plain = makeTestSigner();
    const signer = withTimestamp(plain, {
      async timestamp(signature) {
        asked.push(signature);
        return { der: 'AAAA', time: 0 };
      },
    });
    const unstamped = await plain.sign('x', NEVER);
    expect(await signer.sign('x', NEVER)).toEqual({ ...unstamped, timestamp: 'AAAA' });
    expect(asked).toEqual([unstamped.signature]);
    expect([signer.spki, signer.deterministic]).toEqual([plain.spki, true]);
  });
});

function replaceHex(bytesIn: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytesIn.toString('hex').replace(from, to), 'hex');
}
