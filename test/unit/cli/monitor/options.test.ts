import { describe, expect, it } from '@jest/globals';
import { monitorOptions, type MonitorFlags } from '../../../../src/cli/monitor/options.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const common = { interval: 10_000 };
const plain = { fromStart: false, once: false, intervalMs: 10_000 };
const logUrl = 'https://rekor.example.com';

type Flags = Omit<MonitorFlags, 'interval'>;

describe('monitorOptions', () => {
  it.each<{ readonly flags: Flags; readonly expected: object }>([
    { flags: {}, expected: {} },
    {
      flags: { once: true, fromStart: true, state: 's' },
      expected: { once: true, fromStart: true, stateFolder: 's' },
    },
    {
      flags: { logUrl, logKind: 'rekor-v1', trustedRoot: 'root.json' },
      expected: { log: { kind: 'rekor-v1', url: logUrl, trust: { trustedRootFile: 'root.json' } } },
    },
    {
      flags: { logUrl, logKind: 'rekor-v2', logPublicKey: 'log.pub', logOrigin: 'log.test' },
      expected: {
        log: { kind: 'rekor-v2', url: logUrl, trust: { publicKeyFile: 'log.pub', origin: 'log.test' } },
      },
    },
    {
      flags: { publicKey: 'tagseal.pub' },
      expected: { signer: { kind: 'key', publicKeyFile: 'tagseal.pub' } },
    },
    {
      flags: { certificateIdentity: 'a@b', certificateOidcIssuer: 'https://i' },
      expected: { signer: { kind: 'keyless', identity: 'a@b', issuer: 'https://i' } },
    },
    {
      flags: { certificateIdentity: 'a@b', certificateOidcIssuer: 'https://i', trustedRoot: 'root.json' },
      expected: {
        signer: { kind: 'keyless', identity: 'a@b', issuer: 'https://i', trustedRootFile: 'root.json' },
      },
    },
    {
      flags: {
        logUrl,
        logKind: 'rekor-v2',
        logPublicKey: 'log.pub',
        logOrigin: 'log.test',
        certificateIdentity: 'a@b',
        certificateOidcIssuer: 'https://i',
        trustedRoot: 'root.json',
      },
      expected: {
        log: { kind: 'rekor-v2', url: logUrl, trust: { publicKeyFile: 'log.pub', origin: 'log.test' } },
        signer: { kind: 'keyless', identity: 'a@b', issuer: 'https://i', trustedRootFile: 'root.json' },
      },
    },
  ])('reads $flags', ({ flags, expected }) => {
    expect(monitorOptions({ ...common, ...flags })).toEqual({ ...plain, ...expected });
  });

  it.each<Flags>([
    { logUrl },
    { logUrl, logKind: 'rekor-v1' },
    { logUrl, trustedRoot: 'root.json' },
    { logUrl, logKind: 'rekor-v1', logPublicKey: 'log.pub' },
    { logUrl, logKind: 'rekor-v1', logOrigin: 'log.test' },
    { logUrl, logKind: 'rekor-v1', trustedRoot: 'root.json', logOrigin: 'log.test' },
    { logUrl: 'rekor.example.com', logKind: 'rekor-v1', trustedRoot: 'root.json' },
    { logUrl: 'file:///etc', logKind: 'rekor-v1', trustedRoot: 'root.json' },
    { logUrl: '', logKind: 'rekor-v1', trustedRoot: 'root.json' },
    { logKind: 'rekor-v1' },
    { logPublicKey: 'log.pub', logOrigin: 'log.test' },
    { trustedRoot: 'root.json' },
    { trustedRoot: 'root.json', publicKey: 'a' },
    { publicKey: 'a', certificateIdentity: 'a@b', certificateOidcIssuer: 'https://i' },
    { publicKey: 'a', certificateOidcIssuer: 'https://i' },
    { certificateIdentity: 'a@b' },
    { certificateOidcIssuer: 'https://i' },
    { certificateIdentity: '', certificateOidcIssuer: 'https://i' },
    { certificateIdentity: 'a@b', certificateOidcIssuer: '' },
  ])('refuses %j', async (flags) => {
    expect(await codeOf(() => monitorOptions({ ...common, ...flags }))).toBe('CONFIG_INVALID');
  });

  it('refuses to ask a log more often than once a second', async () => {
    expect(await codeOf(() => monitorOptions({ interval: 999 }))).toBe('CONFIG_INVALID');
    expect(monitorOptions({ interval: 1000 }).intervalMs).toBe(1000);
  });
});
