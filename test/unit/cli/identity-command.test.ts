import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { SignerIdentity } from '../../../src/cli/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { KEYLESS, PUBLIC_KEY, setUpCli } from '../../support/cli-setup.ts';

const keyless: SignerIdentity = {
  ...KEYLESS,
  notBefore: '2026-11-02T10:00:00Z',
  notAfter: '2026-11-02T10:10:00Z',
  tokenSource: 'file /var/run/token',
  fulcioUrl: 'https://fulcio.example.com',
  pinned: false,
};

function withIdentity(identity: SignerIdentity) {
  return setUpCli({ runtime: { identity: async () => identity } });
}

describe('tagseal identity', () => {
  it('shows a key with its fingerprint and the flags of cosign', async () => {
    const { code, stdout } = await setUpCli().run('identity');
    expect(code).toBe(0);
    expect(stdout).toBe(
      'signer: key\n' +
        `  fingerprint  sha256:${FINGERPRINT}\n` +
        `  key hint     ${Buffer.from(FINGERPRINT, 'hex').toString('base64')}\n` +
        `\n${PUBLIC_KEY}\n` +
        'cosign flags:\n  --key tagseal.pub\n',
    );
  });

  it('gives the key in JSON', async () => {
    const { stdout } = await setUpCli().run('identity', '-o', 'json');
    expect(JSON.parse(stdout)).toEqual({
      kind: 'key',
      publicKey: PUBLIC_KEY,
      fingerprint: `sha256:${FINGERPRINT}`,
      hint: Buffer.from(FINGERPRINT, 'hex').toString('base64'),
      cosignFlags: '--key tagseal.pub',
    });
  });

  it('shows a keyless identity with the settings that pin it', async () => {
    const { code, stdout } = await withIdentity(keyless).run('identity');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'signer: keyless',
        `  identity     ${KEYLESS.identity}`,
        `  issuer       ${KEYLESS.issuer}`,
        '  certificate  valid from 2026-11-02T10:00:00Z to 2026-11-02T10:10:00Z',
        '  from         https://fulcio.example.com',
        '  token        file /var/run/token',
        '  pinned       no: any identity of this token is taken',
        '',
        'settings that pin it:',
        '  signer:',
        `    identity: "${KEYLESS.identity}"`,
        `    issuer: "${KEYLESS.issuer}"`,
        '',
        'cosign flags:',
        `  --certificate-identity ${KEYLESS.identity} --certificate-oidc-issuer ${KEYLESS.issuer}`,
        '',
      ].join('\n'),
    );
  });

  it('prints settings that mean the identity, whatever is in it', async () => {
    const identity = `a: "b' #\u001b[2J`;
    const { stdout } = await withIdentity({ ...keyless, identity }).run('identity');
    expect(stdout).not.toContain('\u001b');
    const settings = stdout.slice(stdout.indexOf('  signer:'), stdout.indexOf('cosign flags'));
    expect(parse(settings)).toEqual({ signer: { identity, issuer: KEYLESS.issuer } });
  });

  it('says that it is pinned, and no settings', async () => {
    const { stdout } = await withIdentity({ ...keyless, pinned: true }).run('identity');
    expect(stdout).toContain('pinned       yes');
    expect(stdout).not.toContain('settings');
  });

  it('exits 3 when no token is to be had', async () => {
    const error = new AppError({ code: 'SIGNER_UNAVAILABLE', message: 'no token' });
    const { run } = setUpCli({ runtime: { identity: () => Promise.reject(error) } });
    expect(await run('identity')).toMatchObject({ code: 3, stdout: '', stderr: 'tagseal: no token\n' });
  });
});

/** `openssl pkey -pubin -outform DER | sha256sum` of the key. */
const FINGERPRINT = '337f8f595a112d25fb148b7784dff417610b34e934d0c2a00acb829a0fab5bff';
