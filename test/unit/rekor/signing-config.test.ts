import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../../src/errors/app-error.ts';
import { parseSigningConfig, selectV2Log } from '../../../src/rekor/signing-config.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const NOW = Date.UTC(2026, 5, 1);
const MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';

function log(name: string, start: string, more: object = {}) {
  return {
    url: `https://${name}.example.com`,
    majorApiVersion: 2,
    validFor: { start },
    operator: 'example.com',
    ...more,
  };
}

const LOGS = [
  log('v1', '2026-05-01T00:00:00Z', { majorApiVersion: 1 }),
  log('old', '2025-01-01T00:00:00Z'),
  log('new', '2026-01-01T00:00:00.5+01:00'),
  log('ended', '2026-02-01T00:00:00Z', {
    validFor: { start: '2026-02-01T00:00:00Z', end: '2026-03-01T00:00:00Z' },
  }),
  log('future', '2026-06-01T00:00:01Z'),
];

const config = (more: object = {}) => ({
  mediaType: MEDIA_TYPE,
  caUrls: [],
  oidcUrls: [],
  rekorTlogUrls: LOGS,
  rekorTlogConfig: { selector: 'ANY' },
  tsaUrls: [],
  ...more,
});
const parse = (json: unknown) => parseSigningConfig('signing.json', Buffer.from(JSON.stringify(json)));
const hostAt = (now: number, json: unknown = config()) => new URL(selectV2Log(parse(json), now).url).host;

describe('selectV2Log', () => {
  it.each([
    ['the newest of those that have begun', NOW, 'new.example.com'],
    ['one that will begin, from its first millisecond on', NOW + 1_000, 'future.example.com'],
    ['one that ends, to its last millisecond', Date.UTC(2026, 2, 1), 'ended.example.com'],
    ['the one before once it has ended', Date.UTC(2026, 2, 1) + 1, 'new.example.com'],
    ['the only one', Date.UTC(2025, 5, 1), 'old.example.com'],
  ])('takes %s', (_, now, host) => {
    expect(hostAt(now)).toBe(host);
  });

  it.each([
    ['no word on how many', { rekorTlogConfig: undefined }],
    ['exactly one', { rekorTlogConfig: { selector: 'EXACT', count: 1 } }],
    ['all of one operator', { rekorTlogConfig: { selector: 'ALL' } }],
    ['no operator', { rekorTlogUrls: [{ ...log('new', '2026-01-01T00:00:00Z'), operator: undefined }] }],
    [
      'an end of null',
      { rekorTlogUrls: [log('new', '', { validFor: { start: LOGS[2]?.validFor.start, end: null } })] },
    ],
    ['fields of later versions', { later: true }],
  ])('takes a config with %s', (_, more) => {
    expect(hostAt(NOW, config(more))).toBe('new.example.com');
  });

  it.each([
    ['none that has begun', {}, Date.UTC(2024, 0, 1)],
    ['no log at all', { rekorTlogUrls: [] }, NOW],
    ['only v1', { rekorTlogUrls: LOGS.slice(0, 1) }, NOW],
    ['two that are wanted', { rekorTlogConfig: { selector: 'EXACT', count: 2 } }, NOW],
    ['none that is wanted', { rekorTlogConfig: { selector: 'EXACT' } }, NOW],
    [
      'all that are wanted, of two operators',
      {
        rekorTlogConfig: { selector: 'ALL' },
        rekorTlogUrls: [...LOGS, log('other', '2026-01-01T00:00:00Z', { operator: 'example.org' })],
      },
      NOW,
    ],
  ])('refuses %s', async (_, more, now) => {
    expect(await codeOf(() => selectV2Log(parse(config(more)), now))).toBe('TRUST_ROOT_INVALID');
  });
});

describe('parseSigningConfig', () => {
  const withLog = (more: object) => config({ rekorTlogUrls: [log('new', '2026-01-01T00:00:00Z', more)] });

  it.each([
    ['another version', config({ mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.1+json' })],
    ['no logs', config({ rekorTlogUrls: undefined })],
    ['too many logs', config({ rekorTlogUrls: Array.from({ length: 101 }, () => LOGS[1]) })],
    ['a selector that we do not know', config({ rekorTlogConfig: { selector: 'SOME' } })],
    ['a count below zero', config({ rekorTlogConfig: { selector: 'EXACT', count: -1 } })],
    ['a url with a password', withLog({ url: 'https://me:pw@log.example.com' })],
    ['a url that is a file', withLog({ url: 'file:///etc/passwd' })],
    ['a url with a query', withLog({ url: 'https://log.example.com/?a=b' })],
    ['no url', withLog({ url: undefined })],
    ['a version that is text', withLog({ majorApiVersion: '2' })],
    ['no time', withLog({ validFor: undefined })],
    ['a time that is none', withLog({ validFor: { start: 'yesterday' } })],
    ['a time that is a number', withLog({ validFor: { start: 0 } })],
    ['a list', []],
    ['null', null],
  ])('refuses %s', async (_, json) => {
    expect(await codeOf(() => parse(json))).toBe('TRUST_ROOT_INVALID');
  });

  it.each([
    ['half a text', Buffer.from('{"mediaType":')],
    ['nothing', Buffer.alloc(0)],
    ['bytes that are no text', Buffer.of(0xff, 0xfe)],
    ['a text that is too long', Buffer.alloc(262_145, ' ')],
    ['a text that is too deep', Buffer.from(`${'['.repeat(50)}${']'.repeat(50)}`)],
  ])('refuses %s', async (_, bytes) => {
    expect(await codeOf(() => parseSigningConfig('signing.json', bytes))).toBe('TRUST_ROOT_INVALID');
  });

  it('throws nothing but our errors for junk', () => {
    const junk = fc.oneof(
      fc.json(),
      fc.json().map((text) => JSON.stringify(config({ rekorTlogUrls: [text] }))),
    );
    fc.assert(
      fc.property(junk, (text) => {
        try {
          selectV2Log(parseSigningConfig('signing.json', Buffer.from(text)), NOW);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
