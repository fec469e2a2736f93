import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  dueStep,
  firstAuthorities,
  parseAuthorities,
  trustBundle,
  type Authorities,
} from '../../../src/http/authorities.ts';

const MINUTE = 60_000;
const times = { authorityLifetimeMs: 30 * MINUTE, leafLifetimeMs: 6 * MINUTE, settleMs: MINUTE };
const NOW = Date.UTC(2026, 10, 1);

const certsIn = (bundle: string) => bundle.split(/(?=-----BEGIN)/).map((pem) => new X509Certificate(pem));

async function stepped(authorities: Authorities, now: number): Promise<Authorities> {
  const next = await dueStep(authorities, times, now);
  if (next === undefined) throw new Error('no step is due');
  return next;
}

describe('the rotation of a CA', () => {
  it('leaves a young one alone', async () => {
    const first = await firstAuthorities(times, NOW);
    await expect(dueStep(first, times, NOW + 20 * MINUTE)).resolves.toBeUndefined();
  });

  it('trusts a new one first, signs with it when it has settled, and trusts the old one to its last leaf', async () => {
    const first = await firstAuthorities(times, NOW);
    const announcedAt = NOW + 21 * MINUTE;
    const announced = await stepped(first, announcedAt);
    expect(announced.signing).toBe(first.signing);
    expect(certsIn(trustBundle(announced))).toHaveLength(2);
    await expect(dueStep(announced, times, announcedAt + MINUTE - 1)).resolves.toBeUndefined();

    const promoted = await stepped(announced, announcedAt + MINUTE);
    expect(promoted.signing).toBe(announced.next?.authority);
    expect(trustBundle(promoted)).toContain(first.signing.cert.trim());
    await expect(dueStep(promoted, times, announcedAt + 7 * MINUTE - 1)).resolves.toBeUndefined();

    const alone = await stepped(promoted, announcedAt + 7 * MINUTE);
    expect(trustBundle(alone).trim()).toBe(promoted.signing.cert.trim());
  });

  it('never trusts an old one beyond its own end', async () => {
    const first = await firstAuthorities(times, NOW);
    const announced = await stepped(first, NOW + 28 * MINUTE);
    const promoted = await stepped(announced, NOW + 29 * MINUTE);
    expect(promoted.retired.map(({ until }) => until)).toEqual([NOW + 30 * MINUTE]);
  });

  it('survives being written and read', async () => {
    const first = await firstAuthorities(times, NOW);
    const announced = await stepped(first, NOW + 21 * MINUTE);
    const promoted = await stepped(announced, NOW + 22 * MINUTE);
    for (const authorities of [first, announced, promoted]) {
      expect(parseAuthorities(JSON.stringify(authorities))).toEqual(authorities);
    }
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"signing": {"key": "secret'],
    ['a list', '[]'],
    ['no key', JSON.stringify({ signing: { cert: 'c', notAfter: 1 }, retired: [] })],
    ['too many retired ones', JSON.stringify({ signing: {}, retired: Array(11).fill({}) })],
    [
      'a successor of no time',
      JSON.stringify({
        signing: { cert: 'c', key: 'k', notAfter: 1 },
        next: { authority: { cert: 'c', key: 'k', notAfter: 1 } },
        retired: [],
      }),
    ],
  ])('refuses %s without quoting it', (_what, text) => {
    expect(() => parseAuthorities(text)).toThrow(/^it holds no certificate authorities$/);
  });
});
