import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issueLeaf, makeAuthority, readCertificate } from '../../../src/http/tls.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const HOUR_MS = 3_600_000;
const now = Date.UTC(2026, 10, 2);

describe('makeAuthority', () => {
  it('makes a P-256 CA that may sign leaves and nothing else', async () => {
    const authority = await makeAuthority({ lifetimeMs: 24 * HOUR_MS, now });
    const certificate = new X509Certificate(authority.cert);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(authority.notAfter).toBe(now + 24 * HOUR_MS);
    expect(certificate.validToDate.getTime()).toBe(authority.notAfter);
  });
});

describe('issueLeaf', () => {
  it('names hosts and addresses, is signed by the CA and is no CA itself', async () => {
    const authority = await makeAuthority({ lifetimeMs: 24 * HOUR_MS, now });
    const leaf = await issueLeaf({
      authority,
      names: ['tagseal.tagseal-system.svc', '127.0.0.1', '::1'],
      lifetimeMs: HOUR_MS,
      now,
    });
    const certificate = new X509Certificate(leaf.cert);
    expect(certificate.checkHost('tagseal.tagseal-system.svc')).toBeDefined();
    expect(certificate.checkIP('127.0.0.1')).toBeDefined();
    expect(certificate.checkIP('::1')).toBeDefined();
    expect(certificate.checkHost('other.svc')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(new X509Certificate(authority.cert))).toBe(true);
    expect(certificate.verify(new X509Certificate(authority.cert).publicKey)).toBe(true);
  });

  it('does not outlive its CA', async () => {
    const authority = await makeAuthority({ lifetimeMs: HOUR_MS, now });
    const leaf = await issueLeaf({ authority, names: ['a'], lifetimeMs: 5 * HOUR_MS, now });
    expect(leaf.notAfter).toBe(authority.notAfter);
  });

  it('gives every leaf a serial number of its own', async () => {
    const authority = await makeAuthority({ lifetimeMs: HOUR_MS, now });
    const request = { authority, names: ['a'], lifetimeMs: HOUR_MS, now };
    const [first, second] = [await issueLeaf(request), await issueLeaf(request)];
    expect(new X509Certificate(first.cert).serialNumber).not.toBe(
      new X509Certificate(second.cert).serialNumber,
    );
  });

  it('refuses a CA that is not one', async () => {
    const authority = { cert: 'x', key: 'y', notAfter: now };
    const request = { authority, names: ['a'], lifetimeMs: HOUR_MS, now };
    expect(await codeOf(() => issueLeaf(request))).toBe('KEY_INVALID');
  });
});

describe('readCertificate', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tagseal-tls-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('reads two PEM files', async () => {
    const { cert, key } = await makeAuthority({ lifetimeMs: HOUR_MS, now });
    await writeFile(join(folder, 'tls.crt'), cert);
    await writeFile(join(folder, 'tls.key'), key);
    expect(await readCertificate(join(folder, 'tls.crt'), join(folder, 'tls.key'))).toEqual({ cert, key });
  });

  it('names a file that is missing', async () => {
    const file = join(folder, 'none.crt');
    expect(await codeOf(() => readCertificate(file, file))).toBe('KEY_INVALID');
    await expect(readCertificate(file, file)).rejects.toThrow('none.crt');
  });

  it('refuses a file that is not PEM', async () => {
    const file = join(folder, 'der.crt');
    await writeFile(file, Buffer.from([0x30, 0x82]));
    expect(await codeOf(() => readCertificate(file, file))).toBe('KEY_INVALID');
  });
});
