import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readLogTrust } from '../../../src/rekor/trust.ts';
import { makeTufTrust, type TufTrustOptions } from '../../../src/rekor/tuf-trust.ts';
import { BAD_LISTENERS, startLoopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTufRepository, type TufRepository } from '../../support/tuf-repository.ts';

const ROOT = '{"trusted":"root"}';
const NEWER = '{"trusted":"newer root"}';
const LIMITS = { exchangeMs: 30_000, retries: 0, totalMs: 30_000 };
/** For a mirror of which nothing is expected. */
const SHORT = { limits: { ...LIMITS, exchangeMs: 200 } };
const DAY_MS = 86_400_000;
/** Of `tuf-fetch-child.ts`. */
const CHILD_ROUNDS = 4;

/** Only the date is another one. */
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

/** A mirror of a repository, and a `tagseal` that has its first root. */
interface Setup {
  repository: TufRepository;
  /** Undefined: it serves the repository. */
  listener: RequestListener | undefined;
  readonly server: LoopbackServer;
  readonly folder: { readonly path: string };
  readonly told: [boolean, boolean][];
  /** A process that starts now. */
  trust(options?: Partial<TufTrustOptions>): ReturnType<typeof makeTufTrust>;
  /** `trusted_root.json` by a process that starts now. */
  read(options?: Partial<TufTrustOptions>): Promise<string>;
}

describe('makeTufTrust', () => {
  const ends: AsyncDisposable[] = [];
  let setup: Setup;

  beforeEach(async () => {
    const folder = await makeTempFolder();
    const repository = makeTufRepository();
    repository.publish({ 'trusted_root.json': ROOT, 'signing_config.v0.2.json': '{}' });
    const server = await startLoopbackServer((request, response) => {
      if (setup.listener !== undefined) {
        setup.listener(request, response);
        return;
      }
      const bytes = setup.repository.files.get((request.url ?? '').slice(1));
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
    });
    ends.push(server, folder);
    const rootFile = join(folder.path, 'root.json');
    await writeFile(rootFile, repository.firstRoot);
    const told: [boolean, boolean][] = [];
    const trust: Setup['trust'] = (options = {}) =>
      makeTufTrust({
        url: server.url,
        rootFile,
        cacheFolder: join(folder.path, 'tuf'),
        onStale: (stale, why) => told.push([stale, why !== undefined]),
        limits: LIMITS,
        ...options,
      });
    setup = {
      repository,
      listener: undefined,
      server,
      folder,
      told,
      trust,
      read: async (options) => Buffer.from(await trust(options).trustedRoot()).toString(),
    };
  });
  afterEach(async () => {
    jest.useRealTimers();
    for (const each of ends.splice(0)) await each[Symbol.asyncDispose]();
  });

  const DOWN = BAD_LISTENERS['a broken connection'];

  it('fetches what the repository signed, and any target by name', async () => {
    expect(await setup.read()).toBe(ROOT);
    expect(Buffer.from(await setup.trust().target('signing_config.v0.2.json')).toString()).toBe('{}');
    expect(setup.told).toEqual([
      [false, false],
      [false, false],
    ]);
  });

  it('asks for newer metadata each time, without a restart', async () => {
    const trust = setup.trust();
    await trust.trustedRoot();
    setup.repository.publish({ 'trusted_root.json': NEWER });
    expect(Buffer.from(await trust.trustedRoot()).toString()).toBe(NEWER);
  });

  it('follows the root to other keys', async () => {
    await setup.read();
    setup.repository.rotate();
    setup.repository.publish({ 'trusted_root.json': NEWER });
    expect(await setup.read()).toBe(NEWER);
  });

  it('goes on without the mirror after a first fetch, and raises no alarm while that is valid', async () => {
    await setup.read();
    setup.listener = DOWN;
    expect([await setup.read(), setup.told.at(-1)]).toEqual([ROOT, [false, true]]);
  });

  it.each([
    ['the mirror is away', DOWN],
    ['the mirror has nothing newer', undefined],
  ])('goes on with what has expired and raises an alarm when %s', async (_, listener) => {
    await setup.read();
    jest.useFakeTimers({ now: Date.now() + 2 * DAY_MS, doNotFake: [...REAL_TIMERS] });
    setup.listener = listener;
    expect([await setup.read(), setup.told.at(-1)]).toEqual([ROOT, [true, true]]);
  });

  it('ends the alarm when it could be renewed', async () => {
    await setup.read();
    setup.listener = DOWN;
    await setup.read();
    setup.listener = undefined;
    setup.repository.publish({ 'trusted_root.json': NEWER });
    expect([await setup.read(), setup.told.at(-1)]).toEqual([NEWER, [false, false]]);
  });

  const outages = Object.entries(BAD_LISTENERS);
  it.each(outages)('has nothing to trust when the first fetch meets %s', async (_, listener) => {
    setup.listener = listener;
    expect([await codeOf(() => setup.read(SHORT)), setup.told]).toEqual(['TRUST_ROOT_UNAVAILABLE', []]);
  });
  // what says nothing of a repository, good or bad
  const UNREACHABLE = [
    'an answer that never comes',
    'an answer that drips',
    'a redirect',
    'a broken connection',
    'a server error',
  ];
  it.each(outages)('goes on with what it has when a later fetch meets %s', async (name, listener) => {
    await setup.read();
    setup.listener = listener;
    expect([await setup.read(SHORT), setup.told.at(-1)]).toEqual([ROOT, [!UNREACHABLE.includes(name), true]]);
  });
  it.each(['snapshot', 'targets'])(
    'raises no alarm when the mirror has newer metadata and no %s yet',
    async (role) => {
      await setup.read();
      setup.repository.publish({ 'trusted_root.json': NEWER });
      setup.repository.files.delete(`2.${role}.json`);
      expect([await setup.read(), setup.told.at(-1)]).toEqual([ROOT, [false, true]]);
    },
  );

  const timestampOf = ({ files }: TufRepository) => files.get('timestamp.json') ?? Buffer.alloc(0);
  const attacks: readonly (readonly [string, (repository: TufRepository) => void])[] = [
    [
      'a timestamp by another key',
      ({ files }) => {
        const other = makeTufRepository();
        other.publish({ 'trusted_root.json': NEWER });
        other.publish({ 'trusted_root.json': NEWER });
        for (const [path, bytes] of other.files) if (path !== '1.root.json') files.set(path, bytes);
      },
    ],
    [
      'another repository whole',
      ({ files }) => {
        const other = makeTufRepository();
        other.rotate();
        other.publish({ 'trusted_root.json': NEWER });
        other.publish({ 'trusted_root.json': NEWER });
        files.clear();
        for (const [path, bytes] of other.files) files.set(path, bytes);
      },
    ],
    [
      'a target that was changed',
      (repository) => {
        repository.publish({ 'trusted_root.json': NEWER });
        for (const path of repository.files.keys())
          if (path.endsWith('.trusted_root.json'))
            repository.files.set(path, Buffer.from(NEWER.replace('newer', 'false')));
      },
    ],
    [
      'a target that is longer than signed',
      (repository) => {
        repository.publish({ 'trusted_root.json': NEWER });
        for (const path of repository.files.keys())
          if (path.endsWith('.trusted_root.json')) repository.files.set(path, Buffer.alloc(9_000_000, 'a'));
      },
    ],
    ...(['timestamp', 'snapshot', 'targets'] as const).map(
      (expired) =>
        [
          `a ${expired} that had expired before`,
          (repository: TufRepository) => {
            repository.publish({ 'trusted_root.json': NEWER }, { expired });
          },
        ] as const,
    ),
    [
      'a root that had expired before',
      (repository) => {
        repository.rotate({ expired: 'root' });
        repository.publish({ 'trusted_root.json': NEWER });
      },
    ],
    [
      'a timestamp without end',
      ({ files }) => void files.set('timestamp.json', Buffer.alloc(9_000_000, ' ')),
    ],
  ];

  it.each(attacks)('takes nothing from a mirror that first serves %s', async (_, attack) => {
    attack(setup.repository);
    expect(await codeOf(() => setup.read())).toBe('TRUST_ROOT_UNAVAILABLE');
  });
  it.each(attacks)('keeps what it has, with an alarm, when a mirror then serves %s', async (_, attack) => {
    await setup.read();
    attack(setup.repository);
    expect([await setup.read(), setup.told.at(-1)]).toEqual([ROOT, [true, true]]);
  });

  it('does not go back to an older version, and raises an alarm', async () => {
    const old = new Map(setup.repository.files);
    setup.repository.publish({ 'trusted_root.json': NEWER });
    await setup.read();
    setup.repository.files.set('timestamp.json', timestampOf({ ...setup.repository, files: old }));
    expect([await setup.read(), setup.told.at(-1)]).toEqual([NEWER, [true, true]]);
  });

  it('refuses what the repository no longer has, though it was verified before', async () => {
    await setup.read();
    setup.repository.publish({ 'other.json': '{}' });
    expect(await codeOf(() => setup.read())).toBe('TRUST_ROOT_INVALID');
  });

  it('refuses a target that is too long to be one', async () => {
    setup.repository.publish({ 'trusted_root.json': 'a'.repeat(2_000) });
    expect(await codeOf(() => setup.read({ limits: { ...LIMITS, maxBytes: 1_000 } }))).toBe(
      'TRUST_ROOT_UNAVAILABLE',
    );
  });

  it('limits the time of a whole fetch, however quick each exchange is', async () => {
    setup.listener = (request, response) => {
      const bytes = setup.repository.files.get((request.url ?? '').slice(1));
      setTimeout(() => response.writeHead(bytes === undefined ? 404 : 200).end(bytes), 100);
    };
    expect(await codeOf(() => setup.read({ limits: { ...LIMITS, totalMs: 200 } }))).toBe(
      'TRUST_ROOT_UNAVAILABLE',
    );
  });

  it('never takes what another mirror or root delivered for its own', async () => {
    await setup.read();
    const otherRoot = join(setup.folder.path, 'other.json');
    await writeFile(otherRoot, makeTufRepository().firstRoot);
    expect(await codeOf(() => setup.read({ rootFile: otherRoot }))).toBe('TRUST_ROOT_UNAVAILABLE');
    expect(await codeOf(() => setup.read({ url: `${setup.server.url}/other` }))).toBe(
      'TRUST_ROOT_UNAVAILABLE',
    );
  });

  it('refuses a root file that is not there', async () => {
    expect(await codeOf(() => setup.read({ rootFile: join(setup.folder.path, 'none') }))).toBe(
      'TRUST_ROOT_INVALID',
    );
  });

  it('refuses a mirror of which it has no root', async () => {
    const { rootFile: _, ...options } = { rootFile: '', url: setup.server.url };
    const trust = makeTufTrust({
      ...options,
      cacheFolder: join(setup.folder.path, 'tuf'),
      onStale: () => undefined,
      limits: LIMITS,
    });
    expect(await codeOf(() => trust.trustedRoot())).toBe('TRUST_ROOT_UNAVAILABLE');
  });

  it.each(['', '{"signed":', 'half'])(
    'recovers from a root in its cache that a crash left as %j',
    async (left) => {
      await setup.read();
      for (const path of await filesIn(join(setup.folder.path, 'tuf')))
        if (path.endsWith('/root.json')) await writeFile(path, left);
      setup.repository.publish({ 'trusted_root.json': NEWER });
      expect(await setup.read()).toBe(NEWER);
    },
  );

  it('does not use a cached target that is not the one that was signed', async () => {
    await setup.read();
    for (const path of await filesIn(join(setup.folder.path, 'tuf')))
      if (path.includes('/targets/')) await writeFile(path, NEWER);
    expect(await setup.read()).toBe(ROOT);
  });

  it('uses what it fetched though it cannot keep it, and says so', async () => {
    const cacheFolder = join(setup.folder.path, 'tuf');
    await writeFile(cacheFolder, 'a file');
    expect([await setup.read(), setup.told]).toEqual([ROOT, [[false, true]]]);
    setup.listener = DOWN;
    expect(await codeOf(() => setup.read())).toBe('TRUST_ROOT_UNAVAILABLE');
  });

  it.each(['', ROOT.slice(0, 9), 'garbage'])(
    'has %j for expired trust that was damaged on disk, which no log is trusted by',
    async (damaged) => {
      await setup.read();
      for (const path of await filesIn(join(setup.folder.path, 'tuf')))
        await (path.includes('/verified-') ? writeFile(path, damaged) : rm(path));
      setup.listener = DOWN;
      const trust = setup.trust();
      const named = { kind: 'rekor-v2', url: 'https://log.example', trustedRootFile: trust.source } as const;
      expect(await codeOf(() => readLogTrust(named, () => trust.trustedRoot()))).toBe('TRUST_ROOT_INVALID');
      expect(setup.told.at(-1)).toEqual([true, true]);
    },
  );

  it('serves processes that first start at once on one cache', async () => {
    const child = join(import.meta.dirname, '../../support/tuf-fetch-child.ts');
    const { server, folder } = setup;
    const args = [child, server.url, join(folder.path, 'root.json'), join(folder.path, 'tuf')];
    const run = promisify(execFile);
    const all = await Promise.all([1, 2, 3].map(() => run(process.execPath, args)));
    expect(all.map(({ stdout }) => stdout)).toEqual(Array(3).fill(`${ROOT}\n`.repeat(CHILD_ROUNDS)));
  });

  it('does not put back what another process has renewed meanwhile', async () => {
    await setup.read();
    const asked = Promise.withResolvers<() => void>();
    setup.listener = (request, response) => {
      const bytes = setup.repository.files.get((request.url ?? '').slice(1));
      const answer = () => response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
      if (request.url === '/timestamp.json') asked.resolve(answer);
      else answer();
    };
    const slow = setup.read();
    const answer = await asked.promise;
    setup.listener = undefined;
    setup.repository.publish({ 'trusted_root.json': NEWER });
    await setup.read();
    setup.listener = DOWN;
    answer();
    expect(await slow).toBe(ROOT);
    expect([await setup.read(), setup.told.at(-1)]).toEqual([NEWER, [false, true]]);
  });

  it('serves several that ask at once', async () => {
    const trust = setup.trust();
    const all = await Promise.all(Array.from({ length: 5 }, () => trust.trustedRoot()));
    expect(all.map((each) => Buffer.from(each).toString())).toEqual(Array(5).fill(ROOT));
  });

  it('leaves no half-written file behind', async () => {
    await setup.read();
    const names = (await filesIn(join(setup.folder.path, 'tuf'))).map((path) => path.split('/').at(-1));
    expect(
      (await readdir(join(setup.folder.path, 'tuf'), { recursive: true })).filter((name) =>
        name.includes('half'),
      ),
    ).toEqual([]);
    expect(names.sort()).toEqual(
      [
        'root.json',
        'snapshot.json',
        'targets.json',
        'timestamp.json',
        'trusted_root.json',
        'verified-trusted_root.json',
      ].sort(),
    );
  });
});

async function filesIn(folder: string): Promise<readonly string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
}
