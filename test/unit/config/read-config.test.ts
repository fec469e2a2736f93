import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readConfig } from '../../../src/config/read-config.ts';
import { SETTINGS, variableOf } from '../../../src/config/settings.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

async function withFile(text: string, environment: Readonly<Record<string, string>> = {}) {
  await using folder = await makeTempFolder();
  await writeFile(join(folder.path, 'tagseal.yaml'), text);
  return { config: readConfig({ environment, workingDirectory: folder.path }), folder: folder.path };
}

async function refusal(text: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  try {
    await withFile(text, environment);
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('readConfig', () => {
  it.each([
    'TAGSEAL_SERVICE_HOST',
    'TAGSEAL_SERVICE_PORT',
    'TAGSEAL_SERVICE_PORT_HTTPS',
    'TAGSEAL_PORT',
    'TAGSEAL_PORT_443_TCP',
    'TAGSEAL_PORT_443_TCP_ADDR',
    'TAGSEAL_ADMISSION_PORT_8443_TCP_PROTO',
  ])('takes %s, which Kubernetes sets for a Service, for no setting', async (name) => {
    expect(await refusal('', { [name]: 'tcp://10.0.0.1:443' })).toBe('accepted');
    expect(SETTINGS.map(({ path }) => variableOf(path))).not.toContain(name);
  });

  it('has a default that works for every setting when there is no file', async () => {
    await using folder = await makeTempFolder();
    const config = readConfig({ environment: {}, workingDirectory: folder.path });
    expect(config).toMatchObject({
      scope: 'default',
      dataDir: join(folder.path, '.tagseal'),
      log: { kind: 'embedded', earlierTrustedRootFiles: [] },
      signer: { keyFile: join(folder.path, '.tagseal', 'signer.key') },
      admission: { enabled: true, listen: '127.0.0.1:8443', tls: { mode: 'self' } },
      proxy: { listen: '127.0.0.1:5050', denyCode: 'DENIED' },
    });
    expect(config.policy.rules[0]).toMatchObject({ images: ['**'], mode: 'enforce', recheck: 'always' });
  });

  it('reads a file, makes its paths absolute, and lets a variable override it', async () => {
    const { config, folder } = await withFile('dataDir: data\nproxy: {listen: ":6000"}\nscope: team\n', {
      TAGSEAL_PROXY_LISTEN: '127.0.0.1:7000',
      TAGSEAL_REGISTRIES_ALLOW: 'docker.io, localhost:5000',
      TAGSEAL_ADMISSION_ENABLED: 'false',
      TAGSEAL_POLICIES: '[{"match":{"images":["docker.io/**"]},"mode":"warn"}]',
    });
    expect(config).toMatchObject({
      scope: 'team',
      dataDir: join(folder, 'data'),
      proxy: { listen: '127.0.0.1:7000' },
      registries: { allow: ['docker.io', 'localhost:5000'] },
      admission: { enabled: false },
      policy: { rules: [{ mode: 'warn' }] },
    });
  });

  it('expands ~ in a path with the home of the environment', async () => {
    const { config } = await withFile('signer: {keyFile: ~/k.pem}', { HOME: '/home/someone' });
    expect(config.signer).toMatchObject({ kind: 'key', keyFile: '/home/someone/k.pem' });
  });

  const aliasBomb = [
    'a: &a [x,x,x,x,x,x,x,x]',
    'b: &b [*a,*a,*a,*a,*a,*a,*a,*a]',
    'c: &c [*b,*b,*b,*b,*b,*b,*b,*b]',
    'scope: [*c,*c,*c,*c]',
  ].join('\n');
  const rsaLog = 'log: {kind: rekor-v2, url: "http://127.0.0.1:3000"';
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['an unknown key', 'proxi: {}', /tagseal\.yaml: unknown setting "proxi"; did you mean proxy\?/],
    [
      'an unknown key below',
      'proxy: {lisen: ":1"}',
      /unknown setting "lisen" under proxy; did you mean listen\?/,
    ],
    ['a key like no other', 'zzzzzzzz: 1', /unknown setting "zzzzzzzz"; known here: scope, /],
    ['a wrong type', 'scope: [a]', /: scope: .*; got "\[\\"a\\"\]"/],
    ['an address without a port', 'proxy: {listen: localhost}', /proxy\.listen: must be host:port/],
    ['a value that is not one of the list', 'log: {kind: rekor}', /log\.kind: .*embedded/],
    ['a scope with a line feed', 'scope: "a\\nb"', /: scope: must be/],
    [
      'a host with a path',
      'registries: {allow: [docker.io/library]}',
      /registries\.allow\[0\]: must be host/,
    ],
    ['a mapping where a value belongs', 'scope: {a: 1}', /: scope: /],
    ['a value where a mapping belongs', 'log: embedded', /: log must be a mapping/],
    ['a document that is a list', '- a', /the document must be a mapping/],
    ['what is not YAML', 'a: [', /cannot read the config file .*tagseal\.yaml/],
    [
      'a key twice',
      'scope: a\nscope: b',
      /cannot read the config file .* line 2, column 1; correct its YAML$/,
    ],
    ['aliases that multiply', aliasBomb, /CONFIG_INVALID: cannot read the config file .*alias/],
    ['a rule that is none', 'policies: [{mode: on}]', /POLICY_INVALID: .*tagseal\.yaml: /],
    ['a Rekor without trust', `${rsaLog}}`, /log\.trustedRootFile .* must say which log to trust/],
    ['a key without an origin', `${rsaLog}, publicKeyFile: k}`, /log\.origin .* must be set with/],
    [
      'an address for the embedded log',
      'log: {url: "http://x"}',
      /log\.url .* is not for log\.kind embedded/,
    ],
    [
      'a certificate without its key',
      'admission: {tls: {mode: files, certFile: c}}',
      /keyFile .* must be set/,
    ],
  ];
  it.each(refused)('refuses %s and says where and why', async (_what, text, message) => {
    expect(await refusal(text)).toMatch(message);
  });

  it('names all mistakes of file and environment, each on its line, but not more than ten', async () => {
    const text = 'proxi: {}\nproxy: {limits: {streams: 0}, denyCode: FOO}\nadmin: 5';
    const lines = (await refusal(text, { TAGSEAL_SCOPES: 'x' })).split('\n');
    expect(lines.map((line) => line.replace(/^.*tagseal\.yaml: /, '').replace(/[;:].*/, ''))).toEqual([
      'unknown setting "proxi"',
      'proxy.limits.streams',
      'proxy.denyCode',
      'admin must be a mapping of settings',
      'environment',
    ]);
    const many = Array.from({ length: 12 }, (_, i) => `zz${i}: 1`).join('\n');
    const shown = (await refusal(many)).split('\n');
    expect([shown.length, shown.at(-1)]).toEqual([11, 'and 2 more']);
  });

  it('shows the one item of a list that is wrong', async () => {
    expect(await refusal('registries: {allow: [ghcr.io, "https://quay.io"]}')).toMatch(
      /registries\.allow\[1\]: .*; got "https:\/\/quay\.io"$/,
    );
  });

  it('refuses an unknown variable and names the nearest', async () => {
    expect(await refusal('', { TAGSEAL_PROXY_LISTN: ':1' })).toMatch(
      /environment: unknown setting "TAGSEAL_PROXY_LISTN"; did you mean TAGSEAL_PROXY_LISTEN\?/,
    );
  });

  it('refuses a named file that is missing, and a folder in its place', async () => {
    await using folder = await makeTempFolder();
    const read = (file: string) => () => readConfig({ file, environment: {}, workingDirectory: folder.path });
    expect(read('none.yaml')).toThrow(/cannot read the config file .*none\.yaml: there is no such file/);
    await mkdir(join(folder.path, 'folder'));
    expect(read('folder')).toThrow(/cannot read the config file .*folder/);
  });

  it('throws nothing but our own errors, whatever the file says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
        await refusal(text);
      }),
      { numRuns: 100 },
    );
  });
});

describe('variableOf', () => {
  it('gives every setting a variable of its own', () => {
    const names = SETTINGS.map(({ path }) => variableOf(path));
    expect(new Set(names).size).toBe(SETTINGS.length);
    expect(variableOf('registries.plainHttp')).toBe('TAGSEAL_REGISTRIES_PLAIN_HTTP');
  });
});
