import { generateKeyPairSync } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { p256 } from '@noble/curves/nist.js';
import type { LoggedStatement, SignedStatement } from '../../src/ledger/evidence.ts';
import { leafHash, nodeHash } from '../../src/ledger/leaf-hash.ts';
import { assembleBundle } from '../../src/rekor/bundle.ts';
import { entryBody, entryParts } from '../../src/rekor/entry.ts';
import type { LogEntry } from '../../src/rekor/log-entry.ts';
import type { SigstoreTrust, TrustedAuthority } from '../../src/rekor/sigstore-trust.ts';
import type { EvidenceTrust } from '../../src/rekor/verify-bundle.ts';
import { extension, ISSUER, makeFakeCa, makeFakeCtLog, NOW, SAN, type FakeCa, type Wish } from './fake-ca.ts';
import { tlv } from './fake-timestamps.ts';
import { makeFakeTsa, type StampWish } from './fake-tsa.ts';
import { certify, signWith, type Cell, type PaperSigstore } from './keyless-evidence.ts';
import { loggedIn, makePaperLog, type PaperLog } from './sample-evidence.ts';

export interface EvidenceMutant {
  readonly title: string;
  readonly trust: EvidenceTrust;
  readonly logged: LoggedStatement;
}

const DAY_S = 86_400;
const OVER = { end: '2026-01-01T00:00:00Z' };
const TO_COME = { start: '2030-01-01T00:00:00Z' };

/** Lies about a log that can be told of any record, whoever signed it; `other` is a good record of the same signer. */
export function logMutants({ log, trust, signed }: Cell, other: LoggedStatement): readonly EvidenceMutant[] {
  const { kind } = log.trust;
  const body = entryBody(kind, entryParts(signed));
  const good = log.entry(body);
  const stranger = makePaperLog(kind);
  const asked = (title: string, entry: LogEntry): EvidenceMutant => ({
    title,
    trust,
    logged: { ...signed, bundle: assembleBundle(signed, entry) },
  });
  const leaf = (title: string, bytes: Uint8Array) => asked(title, log.entry(bytes));
  const proof = (title: string, change: Partial<LogEntry['proof']>) =>
    asked(title, { ...good, proof: { ...good.proof, ...change } });
  const rootHash = Buffer.from(good.proof.rootHash, 'base64');
  const twisted = nodeHash(leafHash(body), log.sibling);
  const text = Buffer.from(body).toString('utf8');
  const withLog = (title: string, change: Partial<PaperLog['trust']>): EvidenceMutant => ({
    title,
    trust: { ...trust, logs: [{ ...log.trust, ...change }] },
    logged: loggedIn(log, signed),
  });
  const isTimed = kind === 'rekor-v1' || signed.timestamp !== undefined;
  return [
    asked("a stranger's log", stranger.entry(body)),
    asked("a stranger's log by our log's name", { ...stranger.entry(body), logId: good.logId }),
    asked('the entry of another statement', log.entry(entryBody(kind, entryParts(other)))),
    asked('the body of another entry in its place', { ...good, body: log.entry(Buffer.from('x')).body }),
    asked('the proof of another entry', { ...good, proof: log.entry(Buffer.from('x')).proof }),
    asked('an entry of the other version', { ...good, version: kind === 'rekor-v1' ? '0.0.2' : '0.0.1' }),
    asked('a time that nobody signed', { ...good, integratedTime: good.integratedTime + 1 }),
    asked('a time long ago that nobody signed', { ...good, integratedTime: NOW / 1_000 - 365 * DAY_S }),
    asked('another index', { ...good, logIndex: good.logIndex + 1 }),
    asked('a promise that nobody made', { ...good, signedEntryTimestamp: signed.signature }),
    proof('another index in its proof', { index: 0 }),
    proof('an index outside of its tree', { index: 2 }),
    proof('another tree size', { treeSize: 3 }),
    proof('another root', { rootHash: Buffer.from(twisted).toString('base64') }),
    proof('a proof too short', { hashes: [] }),
    proof('a proof too long', { hashes: [...good.proof.hashes, ...good.proof.hashes] }),
    proof("a stranger's checkpoint", { checkpoint: stranger.note({ treeSize: 2, rootHash }) }),
    proof('a checkpoint of another origin', {
      checkpoint: log.note({ treeSize: 2, rootHash, origin: 'log.test.evil - 1234567890' }),
    }),
    proof('a checkpoint of another size', { checkpoint: log.note({ treeSize: 4, rootHash }) }),
    proof('a checkpoint of another root', { checkpoint: log.note({ treeSize: 2, rootHash: twisted }) }),
    proof('a checkpoint that nobody signed', { checkpoint: good.proof.checkpoint.split('\u2014')[0] ?? '' }),
    leaf('another key for which its signature verifies', otherKeyLeaf(log, signed)),
    leaf('white space in its leaf', Buffer.from(`${text} `)),
    leaf('a member twice in its leaf', Buffer.from(text.replace('{', '{"kind":"hashedrekord",'))),
    leaf('one more member in its leaf', Buffer.from(text.replace('{', '{"a":1,'))),
    leaf('a leaf cut short', Buffer.from(text.slice(0, -1))),
    leaf(
      'a leaf of the other kind of log',
      entryBody(kind === 'rekor-v1' ? 'rekor-v2' : 'rekor-v1', entryParts(signed)),
    ),
    withLog('no trust in its log', { ...stranger.trust }),
    withLog('trust in its log by another key', { spki: stranger.trust.spki }),
    withLog('trust in its log by another name', { origin: 'log.test.evil' }),
    withLog('trust in its log by a part of its name', { origin: 'log' }),
    withLog('trust in its log as of the other kind', { kind: kind === 'rekor-v1' ? 'rekor-v2' : 'rekor-v1' }),
    ...(isTimed ? [withLog('trust in its log until before', { validFor: OVER })] : []),
    ...(isTimed ? [withLog('trust in its log from later on', { validFor: TO_COME })] : []),
  ];
}

/** Certificates and authorities that must not be believed. */
export async function certificateMutants(
  cell: Cell & { readonly sigstore: PaperSigstore },
): Promise<readonly EvidenceMutant[]> {
  const { sigstore, trust, log } = cell;
  const sign = (ca: FakeCa, wish: Wish = {}) => certify({ ...sigstore, ca }, wish);
  const record = (der: string, base: SignedStatement) =>
    loggedIn(log, { ...base, verifier: { kind: 'certificate', der } });
  const wished = await Promise.all(
    CERTIFICATES(sigstore).map(async ([title, wish]) => {
      const signed = stampedAs(cell, signWith(await sign(sigstore.ca, wish), cell.signed.statement));
      return { title: `a certificate with ${title}`, trust, logged: loggedIn(log, signed) };
    }),
  );
  const strangers = await Promise.all(
    (
      [
        ['of a stranger', {}],
        ['by the name of ours', { name: 'fake' }],
        ['that is no CA', { caFlag: false }],
        ['for something else', { purpose: '1.3.6.1.5.5.7.3.1' }],
      ] as const
    ).map(async ([title, options]) => {
      const ca = await makeFakeCa(options);
      const signed = stampedAs(cell, signWith(await sign(ca), cell.signed.statement));
      const certificateAuthorities =
        title === 'of a stranger' || title === 'by the name of ours'
          ? [sigstore.ca.authority]
          : [ca.authority];
      const trusted = { ...trust, sigstore: { ...sigstore.trust, certificateAuthorities } };
      return { title: `a CA ${title}`, trust: trusted, logged: loggedIn(log, signed) };
    }),
  );
  const der = Buffer.from(
    cell.signed.verifier.kind === 'certificate' ? cell.signed.verifier.der : '',
    'base64',
  );
  const flipped = everyNth(der, 9).map(({ at, bytes }) => ({
    title: `a certificate changed in byte ${at}`,
    trust,
    logged: record(bytes.toString('base64'), cell.signed),
  }));
  const stranger = await sign(await makeFakeCa({ name: 'fake' }));
  return [
    ...wished,
    ...strangers,
    ...flipped,
    { title: "a stranger's certificate", trust, logged: record(stranger.der, cell.signed) },
    {
      title: 'a certificate cut short',
      trust,
      logged: record(der.subarray(0, -1).toString('base64'), cell.signed),
    },
    {
      title: 'a certificate with a tail',
      trust,
      logged: record(Buffer.concat([der, Buffer.of(5, 0)]).toString('base64'), cell.signed),
    },
    ...trustMutants(cell),
  ];
}

/** A trusted root and identities under which the record must not count. */
function trustMutants({
  sigstore,
  trust,
  logged,
  log,
}: Cell & { readonly sigstore: PaperSigstore }): readonly EvidenceMutant[] {
  const { ca, ctlog, tsa } = sigstore;
  const ca2 = reversed(ca.authority);
  const roots: readonly (readonly [string, Partial<SigstoreTrust>])[] = [
    ['no CA', { certificateAuthorities: [] }],
    ['the timestamp authority as its CA', { certificateAuthorities: [tsa.authority] }],
    ['its CA in disorder', { certificateAuthorities: [ca2] }],
    ['only the root of its CA', { certificateAuthorities: [lastOf(ca.authority)] }],
    ['its CA until before', { certificateAuthorities: [{ ...ca.authority, validFor: OVER }] }],
    ['its CA from later on', { certificateAuthorities: [{ ...ca.authority, validFor: TO_COME }] }],
    ['no CT log, though it was promised to one', { ctlogs: [] }],
    ['another CT log', { ctlogs: [makeFakeCtLog().trust] }],
    [
      'its CT log by the name of another',
      { ctlogs: [{ ...ctlog.trust, logId: makeFakeCtLog().trust.logId }] },
    ],
    [
      'its CT log by the key of another',
      { ctlogs: [{ ...makeFakeCtLog().trust, logId: ctlog.trust.logId }] },
    ],
    [
      'its CT log until before',
      { ctlogs: [{ ...ctlog.trust, publicKey: { ...ctlog.trust.publicKey, validFor: OVER } }] },
    ],
    [
      'its CT log from later on',
      { ctlogs: [{ ...ctlog.trust, publicKey: { ...ctlog.trust.publicKey, validFor: TO_COME } }] },
    ],
  ];
  const stamps: readonly (readonly [string, Partial<SigstoreTrust>])[] = [
    ['no timestamp authority', { timestampAuthorities: [] }],
    ['its CA as timestamp authority', { timestampAuthorities: [ca.authority] }],
    [
      'its timestamp authority until before',
      { timestampAuthorities: [{ ...tsa.authority, validFor: OVER }] },
    ],
    [
      'its timestamp authority from later on',
      { timestampAuthorities: [{ ...tsa.authority, validFor: TO_COME }] },
    ],
    ['its timestamp authority in disorder', { timestampAuthorities: [reversed(tsa.authority)] }],
    ['only the signer of its timestamp authority', { timestampAuthorities: [firstOf(tsa.authority)] }],
  ];
  const { sigstore: _, ...none } = trust;
  return [
    { title: 'trust in nobody', trust: none, logged },
    { title: 'trust in no identity', trust: { ...trust, identities: [] }, logged },
    ...IDENTITIES.map(([san, issuer]) => ({
      title: `trust in ${JSON.stringify(san)} of ${JSON.stringify(issuer)}`,
      trust: { ...trust, identities: [{ san, issuer }] },
      logged,
    })),
    ...[...roots, ...(log.trust.kind === 'rekor-v1' ? [] : stamps)].map(([title, change]) => ({
      title: `trust in ${title}`,
      trust: { ...trust, sigstore: { ...sigstore.trust, ...change } },
      logged,
    })),
  ];
}

/** Timestamps that must not be believed, in the record and its bundle alike. */
export async function timestampMutants(
  cell: Cell & { readonly sigstore: PaperSigstore },
  other: LoggedStatement,
): Promise<readonly EvidenceMutant[]> {
  const { sigstore, trust, log } = cell;
  const { timestamp, ...untimed } = cell.signed;
  const record = (title: string, value: string | undefined): EvidenceMutant => ({
    title,
    trust,
    logged: loggedIn(log, value === undefined ? untimed : { ...untimed, timestamp: value }),
  });
  const bytes = Buffer.from(timestamp ?? '', 'base64');
  const twin = await makeFakeTsa();
  return [
    record('no timestamp', undefined),
    record('the timestamp of another record', other.timestamp),
    record("a stranger's timestamp", twin.stamp(untimed.signature)),
    record('a timestamp cut short', bytes.subarray(0, -1).toString('base64')),
    record('a timestamp with a tail', Buffer.concat([bytes, Buffer.of(5, 0)]).toString('base64')),
    ...STAMPS.map(([title, wish]) => record(title, sigstore.tsa.stamp(untimed.signature, wish))),
    ...everyNth(bytes, 12).map((changed) =>
      record(`a timestamp changed in byte ${changed.at}`, changed.bytes.toString('base64')),
    ),
  ];
}

/** Entries that the log has signed for a time in which the certificate was not valid. */
export function timeMutants({ log, trust, signed }: Cell): readonly EvidenceMutant[] {
  const body = entryBody('rekor-v1', entryParts(signed));
  return [-365 * DAY_S, -DAY_S, -61, 541, DAY_S].map((shift) => ({
    title: `an entry ${shift} s from its time`,
    trust,
    logged: { ...signed, bundle: assembleBundle(signed, log.entry(body, NOW / 1_000 + shift)) },
  }));
}

const IDENTITIES: readonly (readonly [string, string])[] = [
  [`${SAN}2`, ISSUER],
  [`x${SAN}`, ISSUER],
  [SAN.slice(0, -1), ISSUER],
  [SAN.toUpperCase(), ISSUER],
  ['.*', ISSUER],
  [`^${SAN}$`, ISSUER],
  [SAN.replaceAll('.', '\\.'), ISSUER],
  [SAN.replace('tagseal', '[a-z]+'), ISSUER],
  ['', ISSUER],
  [SAN, `${ISSUER}/`],
  [SAN, ISSUER.replace('https', 'http')],
  [SAN, '.*'],
  [SAN, ''],
  [ISSUER, SAN],
];

const CERTIFICATES = ({ ctlog }: PaperSigstore): readonly (readonly [string, Wish])[] => [
  ['a suffix to its name', { names: [{ type: 'url', value: `${SAN}istry` }] }],
  ['a prefix to its name', { names: [{ type: 'url', value: `https://evil.test/?${SAN}` }] }],
  ['a name that a pattern would match', { names: [{ type: 'url', value: SAN.replace('.', 'x') }] }],
  ['a name as a pattern', { names: [{ type: 'url', value: '.*' }] }],
  ['a name in other case', { names: [{ type: 'url', value: SAN.toUpperCase() }] }],
  ['a line feed behind its name', { names: [{ type: 'url', value: `${SAN}\n` }] }],
  ['its name as a DNS name', { names: [{ type: 'dns', value: SAN }] }],
  ['no name', { names: [] }],
  ['a second name', { names: [SAN, `${SAN}2`].map((value) => ({ type: 'url', value })) }],
  ['our name as its second', { names: [`${SAN}2`, SAN].map((value) => ({ type: 'url', value })) }],
  ['another issuer', { issuer: 'https://evil.test' }],
  ['a suffix to its issuer', { issuer: `${ISSUER}.evil.test` }],
  ['no issuer', { issuer: undefined }],
  ['only the older form of its issuer', { issuer: undefined, olderIssuer: ISSUER }],
  ['an older issuer that contradicts', { olderIssuer: 'https://evil.test' }],
  ['no promise to a CT log', { promisedTo: [] }],
  ['a promise to a strange CT log', { promisedTo: [makeFakeCtLog()] }],
  ['a strange promise beside a good one', { promisedTo: [ctlog, makeFakeCtLog()] }],
  ['no purpose', { purposes: [] }],
  ['another purpose', { purposes: ['1.3.6.1.5.5.7.3.1'] }],
  ['a key on another curve', { curve: 'P-384' }],
  ['the right to issue', { isCa: true }],
  ['a key that must not sign', { usage: x509.KeyUsageFlags.keyAgreement }],
  ['an unknown critical extension', { extra: [extension('1.2.3.4', tlv(0x05), true)] }],
  ['an extension twice', { extra: [extension('1.2.3.4', tlv(0x05)), extension('1.2.3.4', tlv(0x05))] }],
  ['an end that had passed', { notBefore: NOW - 600_001 }],
  ['an end that had long passed', { notBefore: NOW - 365 * DAY_S * 1_000 }],
  ['a beginning to come', { notBefore: NOW + 1_000 }],
];

const STAMPS: readonly (readonly [string, StampWish])[] = [
  ['a timestamp before its certificate', { time: NOW - 61_000 }],
  ['a timestamp long before its certificate', { time: NOW - 365 * DAY_S * 1_000 }],
  ['a timestamp after its certificate', { time: NOW + 541_000 }],
  ['a timestamp without a time', { written: 'Z' }],
  ['a timestamp that was not granted', { status: 2 }],
  ['a timestamp that nobody signed', { signers: 0 }],
  ['a timestamp that two have signed', { signers: 2 }],
  ['a timestamp of another serial number', { serialNumber: Buffer.of(1) }],
  ['a timestamp of another type', { contentType: tlv(0x06, Buffer.from('2a03', 'hex')) }],
  ['a timestamp of another hash', { digest: Buffer.alloc(32) }],
  ['a timestamp with words that nobody signed', { statusText: 'trust me' }],
  ['a timestamp with attributes that nobody signed', { unsigned: tlv(0xa1, Buffer.of(5, 0)) }],
];

function stampedAs(
  cell: Cell & { readonly sigstore: PaperSigstore },
  signed: SignedStatement,
): SignedStatement {
  if (cell.signed.timestamp === undefined) return signed;
  return { ...signed, timestamp: cell.sigstore.tsa.stamp(signed.signature) };
}

function everyNth(bytes: Buffer, n: number): readonly { readonly at: number; readonly bytes: Buffer }[] {
  return Array.from({ length: Math.ceil(bytes.length / n) }, (_, i) => {
    const changed = Buffer.from(bytes);
    changed[i * n] = (changed[i * n] ?? 0) ^ 0x01;
    return { at: i * n, bytes: changed };
  });
}

function reversed(authority: TrustedAuthority): TrustedAuthority {
  return { ...authority, certChain: { certificates: authority.certChain.certificates.toReversed() } };
}

function firstOf(authority: TrustedAuthority): TrustedAuthority {
  return { ...authority, certChain: { certificates: authority.certChain.certificates.slice(0, 1) } };
}

function lastOf(authority: TrustedAuthority): TrustedAuthority {
  return { ...authority, certChain: { certificates: authority.certChain.certificates.slice(-1) } };
}

/** The leaf with the second public key for which an ECDSA signature verifies (SEC 1 section 4.1.6). */
function otherKeyLeaf(log: PaperLog, signed: SignedStatement): Uint8Array {
  const template = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const head = template.export({ type: 'spki', format: 'der' }).subarray(0, -65);
  const parsed = p256.Signature.fromBytes(Buffer.from(signed.signature, 'base64'), 'der');
  const points = [0, 1].map((recovery) => {
    const point = p256.recoverPublicKey(
      parsed.addRecoveryBit(recovery).toBytes('recovered'),
      Buffer.from(signed.statement),
    );
    return Buffer.concat([head, p256.Point.fromBytes(point).toBytes(false)]).toString('base64');
  });
  const ours = signed.verifier.kind === 'publicKey' ? signed.verifier.spki : '';
  const spki = points.find((each) => each !== ours) ?? '';
  return entryBody(log.trust.kind, { ...entryParts(signed), verifier: { kind: 'publicKey', spki } });
}
