import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { openLog } from '../../src/compose/open-log.ts';
import { openTrust } from '../../src/compose/open-trust.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { trustedRootFor } from '../../src/rekor/trusted-root.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { BAD_LISTENERS, startLoopbackServer, type LoopbackServer } from '../support/loopback-server.ts';
import { startLyingLog, type LyingLog } from '../support/lying-log.ts';
import { makeObserved, type Observed } from '../support/observed.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { makeTestSigner, NEVER, signedStatement } from '../support/test-signer.ts';
import { codeOf } from '../support/throw-with-code.ts';
import { makeTufRepository, type TufRepository } from '../support/tuf-repository.ts';

const DAY_MS = 86_400_000;
const REAL_TIMERS = [
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

describe.each(['rekor-v1', 'rekor-v2'] as const)('a private %s whose trust comes by TUF', (kind) => {
  const ends: AsyncDisposable[] = [];
  let log: LyingLog;
  let mirror: LoopbackServer;
  let repository: TufRepository;
  let isDown = false;
  let folder: string;
  let observed: Observed;

  beforeEach(async () => {
    isDown = false;
    log = await startLyingLog({ kind });
    repository = makeTufRepository();
    publish();
    mirror = await startLoopbackServer((request, response) => {
      const bytes = repository.files.get((request.url ?? '').slice(1));
      if (isDown) BAD_LISTENERS['a server error']?.(request, response);
      else response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
    });
    const temporary = await makeTempFolder();
    folder = temporary.path;
    await writeFile(join(folder, 'root.json'), repository.firstRoot);
    ends.push(log, mirror, temporary);
    observed = makeObserved();
  });
  afterEach(async () => {
    jest.useRealTimers();
    for (const each of ends.splice(0)) await each[Symbol.asyncDispose]();
  });

  function publish(change = {}): void {
    repository.publish({ 'trusted_root.json': JSON.stringify({ ...trustedRootFor(log.trust), ...change }) });
  }

  /** A process that starts now. */
  async function start({ url }: { readonly url?: string | undefined } = { url: log.url }) {
    const environment = {
      TAGSEAL_LOG_KIND: kind,
      TAGSEAL_LOG_URL: url,
      TAGSEAL_TRUST_TUF_URL: mirror.url,
      TAGSEAL_TRUST_TUF_ROOT_FILE: 'root.json',
    };
    const config = readConfig({ environment, workingDirectory: folder });
    const { logger, metrics, clock } = observed;
    const trust = openTrust({ config, logger, metrics });
    const opened = await openLog(config, { logger, metrics, clock, trust, count: (same) => same });
    ends.unshift({ [Symbol.asyncDispose]: () => opened.close() });
    const verifier = makeEvidenceVerifier({
      keys: [makeTestSigner().spki],
      identities: [],
      logs: opened.trusted,
    });
    return {
      trust,
      async record(text: string) {
        const signed = await signedStatement(text);
        const { outcome, bundle } = await opened.writer.submit(signed, NEVER);
        await verifier.verify({ ...signed, bundle });
        return outcome;
      },
    };
  }

  const events = () => observed.lines().map(({ event }) => event);
  const isStale = async () => (await observed.exposition()).includes('\ntagseal_trust_root_stale 1\n');

  it('takes the log of the repository, and goes on with it when the mirror is away', async () => {
    expect(await (await start()).record('a statement')).toBe('created');
    isDown = true;
    expect(await (await start()).record('a statement')).toBe('exists');
    expect([events().includes('trust.kept'), await isStale()]).toEqual([true, false]);
  });

  it('does not start where nothing was ever fetched', async () => {
    isDown = true;
    expect(await codeOf(start)).toBe('TRUST_ROOT_UNAVAILABLE');
  });

  it('raises an alarm when trust expires, ends it when it is renewed, and records all the time', async () => {
    const running = await start();
    jest.useFakeTimers({ now: Date.now() + 2 * DAY_MS, doNotFake: [...REAL_TIMERS] });
    await running.trust.renew();
    expect([await isStale(), events().includes('trust.stale')]).toEqual([true, true]);
    expect([await running.record('a statement'), await (await start()).record('a statement')]).toEqual([
      'created',
      'exists',
    ]);
    publish();
    await running.trust.renew();
    expect(await isStale()).toBe(false);
  });

  it('says that another root is delivered than at the start', async () => {
    const { trust } = await start();
    await trust.renew();
    expect(events()).not.toContain('trust.changed');
    publish({ ctlogs: undefined });
    await trust.renew();
    expect(events()).toContain('trust.changed');
  });

  it('trusts no other log than the one that the repository names', async () => {
    const other = await startLyingLog({ kind });
    ends.push(other);
    repository.publish({ 'trusted_root.json': JSON.stringify(trustedRootFor(other.trust)) });
    const running = await start();
    expect(await codeOf(() => running.record('a statement'))).toBe('LOG_PROOF_INVALID');
  });

  if (kind === 'rekor-v2') {
    const config = (urls: readonly string[], start = '2026-01-01T00:00:00Z') =>
      JSON.stringify({
        mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
        rekorTlogUrls: urls.map((url) => ({ url, majorApiVersion: 2, validFor: { start }, operator: 'o' })),
        rekorTlogConfig: { selector: 'ANY' },
      });
    const root = (trusted = log.trust) => JSON.stringify(trustedRootFor(trusted));

    it('writes to the shard that the repository names where no address is set', async () => {
      repository.publish({ 'trusted_root.json': root(), 'signing_config.v0.2.json': config([log.url]) });
      expect(await (await start({ url: undefined })).record('a statement')).toBe('created');
    });

    it('writes to the next shard when it is started after the repository has named one', async () => {
      const next = await startLyingLog({ kind, origin: 'next.test' });
      ends.push(next);
      log.freeze();
      repository.publish({
        'trusted_root.json': root(next.trust),
        'signing_config.v0.2.json': config([next.url]),
      });
      expect(await (await start({ url: undefined })).record('a statement')).toBe('created');
      expect(log.requests).toEqual([]);
    });

    it.each([
      ['names none', { 'signing_config.v0.2.json': config([]) }],
      ['has no signing config', {}],
    ])('does not start without an address when the repository %s', async (_, targets) => {
      repository.publish({ 'trusted_root.json': root(), ...targets });
      expect(await codeOf(() => start({ url: undefined }))).toBe('TRUST_ROOT_INVALID');
    });

    it('starts, and refuses what is new, where the repository names one that has not begun', async () => {
      const signingConfig = config(['http://127.0.0.1:1'], '2999-01-01T00:00:00Z');
      repository.publish({ 'trusted_root.json': root(), 'signing_config.v0.2.json': signingConfig });
      const started = await start({ url: undefined });
      expect(await codeOf(() => started.record('a statement'))).toBe('LOG_UNAVAILABLE');
    });
  }
});
