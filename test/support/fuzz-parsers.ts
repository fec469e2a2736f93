import fc from 'fast-check';
import { AppError } from '../../src/errors/app-error.ts';
import { parseBasic } from '../../src/http/password-check.ts';
import { accepts, hasDigest } from '../../src/proxy/headers.ts';
import { parseName, parseUrl } from '../../src/proxy/route.ts';
import { makeTokenCapsules } from '../../src/proxy/token-capsule.ts';
import { canonicalText, parseReference } from '../../src/reference/parse-reference.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/reference/media-type.ts';
import { parseDigest, sha256Digest } from '../../src/reference/parse-digest.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { parseDockerConfig } from '../../src/registry/docker-config.ts';
import { makeHosts } from '../../src/registry/hosts.ts';
import { nextPage } from '../../src/registry/link.ts';
import { manifestsIn, tagsIn } from '../../src/registry/listing.ts';
import { hashManifest, requireMediaType } from '../../src/registry/manifest.ts';
import { judgeRealm } from '../../src/registry/realm.ts';

/** A parser of foreign text: cases like those it meets, and what must hold for each. Ours alone may be thrown. */
export interface FuzzedParser {
  readonly name: string;
  /** Fails with the case when the number of runs finds one. */
  readonly run: (runs: number, seed?: number) => void;
}

const HEX = 'a'.repeat(64);
const EMPTY = sha256Digest(Buffer.from(''));
const MEDIA = [OCI_INDEX, OCI_MANIFEST, 'application/vnd.docker.distribution.manifest.v1+json', 'text/html'];
const pieces = (...texts: readonly string[]) =>
  fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...texts) }, fc.string({ maxLength: 4 })), {
      maxLength: 12,
    })
    .map((parts) => parts.join(''));

const names = ['a', 'A', 'app', 'ghcr.io', 'docker.io', 'localhost', 'localhost_5000', '127.0.0.1', '[::1]'];
const marks = ['/', '//', ':', '@', '.', '..', '_', '__', '-', '%2f', '%3A', '%00', '\\', '?', '#', '&', ' '];
const digests = [EMPTY, `sha256:${HEX}`, `sha256-${HEX}`, `sha512:${HEX}${HEX}`, 'md5:00', 'sha256:'];
const item = fc.constantFrom('latest', 'list', 'a%41', '%3a', ...digests);
const resource = fc.constantFrom('manifests', 'blobs', 'tags', 'referrers');
const name = fc.array(fc.constantFrom(...names, 'my-app', 'x__y', ''), { maxLength: 4 });
const routes = fc
  .tuple(name, resource, item, fc.constantFrom('', '?ns=ghcr.io', '?ns=', '?ns=[::1]:80', '?n=1&reason=x'))
  .map(([parts, kind, last, query]) => `/v2/${parts.join('/')}/${kind}/${last}${query}`);
const urls = pieces(
  '/v2/',
  '/token',
  '/manifests/',
  '/blobs/',
  '/tags/list',
  '/referrers/',
  '?ns=',
  '&n=',
  '&last=',
  ...names,
  ...marks,
  ...digests,
);
const images = pieces(':5000/', ':latest', ':443', 'xn--', '0x7f.1', ...names, ...marks, ...digests);
const challenges = pieces(
  'Bearer ',
  'Basic ',
  'realm=',
  'scope=',
  'service=',
  '"',
  '\\"',
  ',',
  '=',
  '==',
  ' ',
  '\t',
  'https://auth.docker.io/token',
  'repository:a/b:pull,push',
);
const addresses = pieces(
  'https://',
  'http://',
  '//',
  'auth.docker.io',
  '.docker.io',
  'evil.example',
  '@',
  ':443',
  '0x7f000001',
  '[::ffff:127.0.0.1]',
  '１２７.0.0.1',
  ...marks,
);
const links = pieces(
  '<',
  '>',
  ';',
  'rel=',
  '"next"',
  'next',
  ',',
  '/v2/a/tags/list?n=1&last=',
  '?',
  '&',
  '=',
  ' ',
);
const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  pieces('{"auths":', '{"a":', '{"auth":', '"YTpi"', '"username"', ':', '"x"', '}', ',', '[', 'null'),
);

const listings = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc
    .record({
      tags: fc.oneof(fc.array(fc.oneof(fc.constantFrom('1.0', 'a', '', '../x'), fc.string())), fc.json()),
    })
    .map((list) => JSON.stringify(list)),
  fc
    .record({
      schemaVersion: fc.constantFrom(1, 2, '2', null),
      manifests: fc.oneof(
        fc.array(fc.record({ digest: fc.oneof(fc.constantFrom(...digests), fc.json()) })),
        fc.json(),
      ),
    })
    .map((index) => JSON.stringify(index)),
  pieces(
    '{"tags":',
    '{"schemaVersion":2,"manifests":',
    '[',
    ']',
    '"1.0"',
    ',',
    '}',
    'null',
    '{"digest":"a"}',
  ),
);
/** What a registry may answer for a manifest: header lines, then the bytes. */
const manifestAnswers = fc
  .tuple(
    fc.oneof(fc.constantFrom(...MEDIA), pieces(';', ' ', ',', ...MEDIA)),
    fc.array(
      fc.tuple(
        fc.constantFrom('content-type', 'content-encoding', 'docker-content-digest'),
        fc.oneof(fc.constantFrom('identity', 'gzip', ...digests), pieces(' ', ',', ...digests)),
      ),
      { maxLength: 2 },
    ),
    fc.constantFrom('', '{}', '{"schemaVersion":2}'),
  )
  .map(([type, more, body]) => {
    const lines = [['content-type', type], ...more].map(([name, value]) => `${name}:${value}`);
    return `${lines.join('\n')}\n\n${body}`;
  });

const hosts = makeHosts({ named: new Set(), plainHttp: new Set() });
const page = new URL('https://ghcr.io/v2/a/tags/list');
const digest = parseDigest(`sha256:${HEX}`);
const capsules = makeTokenCapsules(Buffer.alloc(32));

/** `holds` for every case; what it throws must be ours, and no defect. */
function parser(name: string, texts: fc.Arbitrary<string>, holds: (text: string) => boolean): FuzzedParser {
  const property = fc.property(texts, (text) => {
    try {
      return holds(text);
    } catch (error) {
      return error instanceof AppError && error.code !== 'INTERNAL';
    }
  });
  return {
    name,
    run: (runs, seed) => fc.assert(property, { numRuns: runs, ...(seed !== undefined && { seed }) }),
  };
}

export const FUZZED_PARSERS: readonly FuzzedParser[] = [
  parser('URLs of the proxy', fc.oneof(urls, routes), (text) => {
    const { route } = parseUrl(text);
    if (!('registry' in route)) return true;
    const named = `${route.registry}/${route.repository}`;
    return canonicalText(parseReference(`${named}@${digest}`)) === `${named}@${digest}`;
  }),
  parser('image texts', images, (text) => {
    const canonical = canonicalText(parseReference(text));
    return canonicalText(parseReference(canonical)) === canonical;
  }),
  parser('names in a scope', images, (text) => {
    const found = parseName(text);
    return (
      found === undefined || parseName(found.repository, found.registry)?.repository === found.repository
    );
  }),
  parser('challenges', challenges, (text) => parseChallenges([text]).every(({ scheme }) => scheme !== '')),
  parser('realms', addresses, (text) => {
    const { url, credentials } = judgeRealm(text, 'docker.io', hosts);
    const isOwn =
      url.host === 'auth.docker.io' || url.hostname.endsWith('.docker.io') || url.hostname === 'docker.io';
    return url.protocol === 'https:' && url.username === '' && (!credentials || isOwn);
  }),
  parser('links', links, (text) => Object.keys(nextPage([text], page) ?? { n: '' }).length > 0),
  parser('Authorization', pieces('Basic ', 'basic ', 'YTpi', 'Og==', '=', ' ', 'Bearer '), (text) => {
    const found = parseBasic(text);
    return found === undefined || found.user !== '';
  }),
  parser(
    'tokens of ours',
    pieces('tagseal1.', 'AAAA', '-', '_', '.'),
    (text) => capsules.open(text, 0) === undefined,
  ),
  parser('If-None-Match', pieces('"', 'W/', ',', '*', ' ', ...digests), (text) => {
    return !hasDigest(text, digest) || text.includes(`"${digest}"`);
  }),
  parser('Accept', pieces('application/', '*/*', 'json', ';q=0', ';q=1', ',', ' '), (text) => {
    return typeof accepts(text, 'application/json') === 'boolean';
  }),
  parser('manifest answers', manifestAnswers, (text) => {
    const [head = '', body = ''] = text.split('\n\n');
    const lines = head.split('\n').map((line) => line.split(/:(.*)/s));
    const headers = (name: string) =>
      lines.flatMap(([key, value]) => (key?.trim() === name ? [value?.trim() ?? ''] : []));
    const answer = {
      url: page,
      headers,
      header: (name: string) => (headers(name).length === 1 ? headers(name)[0] : undefined),
    };
    const bytes = Buffer.from(body);
    requireMediaType(answer, 'cannot read it');
    // whatever is claimed, what comes out is the digest of the bytes
    return hashManifest(answer, bytes, undefined, 'cannot read it') === sha256Digest(bytes);
  }),
  parser('lists of tags', listings, (text) =>
    tagsIn(Buffer.from(text), 'ghcr.io', 'cannot list').every((tag) => /^\w[\w.-]{0,127}$/.test(tag)),
  ),
  parser('OCI indexes', listings, (text) =>
    manifestsIn(Buffer.from(text), 'ghcr.io', 'cannot list').every(
      (each) => typeof each === 'object' && each !== null && 'digest' in each,
    ),
  ),
  parser('docker config files', json, (text) => parseDockerConfig(text, 'file').credentials.size >= 0),
];
