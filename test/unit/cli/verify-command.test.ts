import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../../../src/errors/code.ts';
import type { TagRecord } from '../../../src/ledger/record.ts';
import { acceptedBy, CERTIFICATE, cliRecord } from '../../support/cli-records.ts';
import { KEYLESS, PUBLIC_KEY, setUpCli, TRUST } from '../../support/cli-setup.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

const ALPINE = 'docker.io/library/alpine:3.16';
const BUSYBOX = 'docker.io/library/busybox:1';

function logged(reference: string): { readonly record: TagRecord; readonly logged: true } {
  const record = sampleRecord(reference, {
    phase: 'Logged',
    log: { kind: 'embedded', url: 'http://log', origin: 'log.test', index: 12, uuid: 'f'.repeat(64) },
  });
  const bundle = { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' };
  return {
    record: { ...record, claim: { ...record.claim, bundle }, binding: { ...record.binding, bundle } },
    logged: true,
  };
}

describe('tagseal verify', () => {
  it('says what was verified, without asking a registry', async () => {
    const { ledger, resolver, run } = setUpCli();
    ledger.put(logged(ALPINE));
    const { code, stdout, stderr } = await run('verify', 'alpine:3.16');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(digestOfA);
    expect(stdout).toContain('index 12');
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 0 });
  });

  it('saves statements byte for byte, with bundles, key and trust root, and prints the cosign line', async () => {
    await using folder = await makeTempFolder();
    const { ledger, run } = setUpCli();
    const { record } = logged(ALPINE);
    ledger.put(logged(ALPINE));
    const directory = join(folder.path, "it's here");
    const { code, stdout } = await run('verify', 'alpine:3.16', '--save', directory);
    expect(code).toBe(0);
    const read = (name: string) => readFile(join(directory, name), 'utf8');
    expect((await readdir(directory)).sort()).toEqual([
      'binding.json',
      'binding.sigstore.json',
      'claim.json',
      'claim.sigstore.json',
      'tagseal.pub',
      'trusted_root.json',
    ]);
    expect(await read('binding.json')).toBe(record.binding.statement);
    expect(await read('claim.json')).toBe(record.claim.statement);
    expect(JSON.parse(await read('binding.sigstore.json'))).toEqual(
      'bundle' in record.binding && record.binding.bundle,
    );
    expect(await read('tagseal.pub')).toBe(PUBLIC_KEY);
    expect(JSON.parse(await read('trusted_root.json'))).toEqual(TRUST.trustedRoot);
    const quoted = (name: string) => `'${join(folder.path, `it'\\''s here`, name)}'`;
    expect(stdout).toContain(
      `cosign verify-blob --key ${quoted('tagseal.pub')} --bundle ${quoted('binding.sigstore.json')} ` +
        `--trusted-root ${quoted('trusted_root.json')} ${quoted('binding.json')}\n`,
    );
  });

  it('saves the evidence of several tags in a folder each', async () => {
    await using folder = await makeTempFolder();
    const { ledger, run } = setUpCli();
    ledger.put(logged(ALPINE));
    ledger.put(logged(BUSYBOX));
    const { code, stdout } = await run(
      'verify',
      'alpine:3.16',
      'busybox:1',
      '--save',
      folder.path,
      '-o',
      'json',
    );
    expect(code).toBe(0);
    const saved = await readdir(folder.path);
    expect(saved).toHaveLength(2);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        image: 'alpine:3.16',
        verified: true,
        record: { reference: ALPINE },
        saved: { files: expect.any(Array) },
      },
      { image: 'busybox:1', verified: true, record: { reference: BUSYBOX } },
    ]);
  });

  it('exits 2 when the evidence cannot be saved', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    const { ledger, run } = setUpCli();
    ledger.put(logged(ALPINE));
    const { code, stderr } = await run('verify', 'alpine:3.16', '--save', file);
    expect(code).toBe(2);
    expect(stderr).toContain(JSON.stringify(file));
  });

  it('exits 1 for a tag without a record', async () => {
    const { code, stdout, stderr } = await setUpCli().run('verify', 'alpine:3.16');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^tagseal: not recorded: [^\n]+\n$/);
  });

  it('exits 1 for a digest that is not the recorded one, and 0 for the one that is', async () => {
    const { ledger, run } = setUpCli();
    ledger.put(logged(ALPINE));
    expect((await run('verify', `alpine:3.16@${digestOfB}`)).code).toBe(1);
    expect((await run('verify', `alpine:3.16@${digestOfA}`)).code).toBe(0);
  });

  it('exits 3 for a record that is only reserved', async () => {
    const { ledger, run } = setUpCli();
    ledger.put({ record: sampleRecord(ALPINE), logged: false });
    const { code, stdout } = await run('verify', 'alpine:3.16');
    expect(code).toBe(3);
    expect(stdout).toContain('none yet');
  });

  it.each<{ readonly fail: ErrorCode; readonly expected: number }>([
    { fail: 'RECORD_INVALID', expected: 4 },
    { fail: 'LOG_PROOF_INVALID', expected: 4 },
    { fail: 'STORE_UNAVAILABLE', expected: 3 },
  ])('exits $expected on $fail', async ({ fail, expected }) => {
    const { ledger, run } = setUpCli();
    ledger.behave({ fail });
    expect((await run('verify', 'alpine:3.16')).code).toBe(expected);
    expect(JSON.parse((await run('verify', 'alpine:3.16', '-o', 'json')).stdout)).toMatchObject([
      { verified: false, error: { code: fail } },
    ]);
  });

  it.each(['alpine@' + digestOfA, 'Not A Reference'])('exits 2 for %s, which names no tag', async (text) => {
    expect((await setUpCli().run('verify', text)).code).toBe(2);
  });
});

describe('tagseal verify of a keyless record', () => {
  const keyless = (kind: string) => {
    const record = cliRecord(ALPINE, { verifier: CERTIFICATE });
    const log = {
      kind,
      url: 'https://rekor.example.com',
      origin: 'log.test',
      index: 12,
      uuid: 'f'.repeat(64),
    };
    return { record: { ...record, log }, logged: true };
  };

  it('says who signed', async () => {
    const { ledger, run } = setUpCli();
    ledger.put(keyless('rekor-v2'));
    const { code, stdout } = await run('verify', ALPINE);
    expect(code).toBe(0);
    expect(stdout).toContain(`by ${KEYLESS.identity} (issuer ${KEYLESS.issuer})`);
  });

  it.each([
    { ctlogs: [], flag: ' --insecure-ignore-sct' },
    { ctlogs: [{}], flag: '' },
  ])('saves no key, and prints the cosign line for $ctlogs.length CT logs', async ({ ctlogs, flag }) => {
    await using folder = await makeTempFolder();
    const trust = { ...TRUST, trustedRoot: { ...TRUST.trustedRoot, ctlogs } };
    const { ledger, run } = setUpCli({ runtime: { trust } });
    ledger.put(keyless('rekor-v2'));
    const { stdout } = await run('verify', ALPINE, '--save', folder.path);
    const at = (name: string) => join(folder.path, name);
    expect(await readdir(folder.path)).not.toContain('tagseal.pub');
    expect(stdout).toContain(
      `check it with other tools:\ncosign verify-blob --certificate-identity ${KEYLESS.identity} ` +
        `--certificate-oidc-issuer ${KEYLESS.issuer} --bundle ${at('binding.sigstore.json')} ` +
        `--trusted-root ${at('trusted_root.json')}${flag} ${at('binding.json')}\n`,
    );
    expect(stdout).not.toContain('rekor-cli');
  });

  it('prints a rekor-cli line too for a record in a v1 log', async () => {
    await using folder = await makeTempFolder();
    const { ledger, run } = setUpCli();
    ledger.put(keyless('rekor-v1'));
    const { stdout } = await run('verify', ALPINE, '--save', folder.path, '-o', 'json');
    const line = `rekor-cli search --rekor_server https://rekor.example.com --sha "$(sha256sum < ${join(folder.path, 'binding.json')} | cut -d ' ' -f 1)"`;
    expect(JSON.parse(stdout)).toMatchObject([
      { signer: KEYLESS, saved: { commands: [expect.stringContaining('cosign'), line] } },
    ]);
  });

  it('tells and saves an approval with its signature', async () => {
    await using folder = await makeTempFolder();
    const found = keyless('rekor-v2');
    const record = acceptedBy({ by: 'jane', reason: 'rebuilt' }, { ...found.record, generation: 1 });
    const runtime = { findRecord: async () => ({ ...found, record }) };
    const { stdout } = await setUpCli({ runtime }).run('verify', ALPINE, '--save', folder.path);
    expect(stdout).toMatch(/accepted +by jane: rebuilt\n/);
    expect(await readFile(join(folder.path, 'approval.json'), 'utf8')).toBe(record.approval?.statement);
    expect(await readFile(join(folder.path, 'approval.sig'), 'utf8')).toBe('MEQ=\n');
  });
});
