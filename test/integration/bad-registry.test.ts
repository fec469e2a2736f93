import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry, type Lies } from '../support/fake-registry.ts';
import { call, type Answer } from '../support/http-call.ts';
import { podReview, pullPath, review, startServe, tagseal, type Served } from '../support/serve.ts';
import { readServedLedger } from '../support/served-ledger.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

interface Row {
  readonly title: string;
  readonly lies: (loopback: number) => Lies;
  readonly code: string;
  /** Of the proxy: status and code for clients. */
  readonly proxy: readonly [number, string];
  /** Exit code of the command line. */
  readonly exit: number;
  /** What to do. */
  readonly advice: string;
}

const REDIRECTED = { code: 'ADDRESS_FORBIDDEN', proxy: [403, 'DENIED'], exit: 2 } as const;
const BROKEN = { code: 'REGISTRY_UNAVAILABLE', proxy: [503, 'UNAVAILABLE'], exit: 3 } as const;

const ROWS: readonly Row[] = [
  {
    title: '401',
    lies: () => ({ auth: { kind: 'basic', user: { name: 'u', password: 'p' } } }),
    code: 'REGISTRY_UNAUTHORIZED',
    proxy: [403, 'UNAUTHORIZED'],
    exit: 3,
    advice: 'takes credentials',
  },
  {
    title: '404',
    lies: () => ({ failing: { status: 404, times: 9 } }),
    code: 'MANIFEST_UNKNOWN',
    proxy: [404, 'MANIFEST_UNKNOWN'],
    exit: 3,
    advice: 'check the name',
  },
  { title: '500', lies: () => ({ failing: { status: 500, times: 9 } }), ...BROKEN, advice: 'try again' },
  { title: '503', lies: () => ({ failing: { status: 503, times: 9 } }), ...BROKEN, advice: 'try again' },
  {
    title: 'a body that does not match its digest header',
    lies: () => ({ wrongBody: true }),
    code: 'DIGEST_MISMATCH',
    proxy: [502, 'UNKNOWN'],
    exit: 4,
    advice: 'do not use this registry',
  },
  {
    title: 'an endless body',
    lies: () => ({ body: 'endless' }),
    code: 'REGISTRY_ANSWER_INVALID',
    proxy: [502, 'UNKNOWN'],
    exit: 3,
    advice: 'check what serves this host',
  },
  {
    title: 'a redirect to a private address by http',
    lies: () => ({ manifestRedirect: 'http://10.0.0.1/' }),
    ...REDIRECTED,
    advice: 'if it is meant',
  },
  {
    title: 'a redirect to the metadata address',
    lies: () => ({ manifestRedirect: 'https://169.254.169.254/' }),
    ...REDIRECTED,
    advice: 'if it is meant',
  },
  {
    title: 'a redirect to a loopback address',
    lies: (loopback) => ({ manifestRedirect: `https://127.0.0.1:${loopback}/` }),
    ...REDIRECTED,
    advice: 'if it is meant',
  },
  {
    title: 'a redirect to a name of a loopback address',
    lies: (loopback) => ({ manifestRedirect: `https://localhost:${loopback}/` }),
    ...REDIRECTED,
    advice: 'if it is meant',
  },
];

interface OciErrors {
  readonly errors: readonly { readonly code: string; readonly message: string; readonly detail: object }[];
}

function errorOf({ text }: Answer) {
  return (JSON.parse(text) as OciErrors).errors[0];
}

describe('serve, of a new tag in a registry that answers with', () => {
  let folder: TempFolder;
  let registry: FakeRegistry;
  let limiting: FakeRegistry;
  let inside: Server;
  let visits = 0;
  let served: Served;

  beforeAll(async () => {
    folder = await makeTempFolder();
    registry = await startFakeRegistry();
    limiting = await startFakeRegistry();
    inside = createServer((socket) => {
      visits += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
    const registries = [registry.host, limiting.host, 'registry.invalid'];
    served = await startServe({ folder: folder.path, registries });
  });

  afterAll(async () => {
    await served[Symbol.asyncDispose]();
    await Promise.all([registry.close(), limiting.close(), new Promise((resolve) => inside.close(resolve))]);
    await folder[Symbol.asyncDispose]();
  });

  const pull = (image: string) => {
    const [, host = '', name = '', tag = ''] = /^([^/]+)\/(.*):([^:]*)$/.exec(image) ?? [];
    return call(served.proxy, pullPath(host, `${name}/manifests/${tag}`));
  };

  /** The three doors' answers to one image; each must be one line that names it and says what to do. */
  async function expectRefused(image: string, { code, proxy, exit, advice }: Omit<Row, 'title' | 'lies'>) {
    const [pulled, { allowed, status }, told] = await Promise.all([
      pull(image),
      review(served, podReview([image])),
      tagseal(folder.path, 'record', image),
    ]);
    const error = errorOf(pulled);
    expect([pulled.status, error?.code]).toEqual(proxy);
    expect(error?.detail).toEqual({ reason: code });
    expect([allowed, status?.code]).toEqual([false, 403]);
    expect(told).toMatchObject({ code: exit, stdout: '' });
    expect(told.stderr).toMatch(/^tagseal: [^\n]+\n$/);

    for (const message of [error?.message, status?.message, told.stderr.trimEnd()]) {
      expect(message).not.toContain('\n');
      expect(message).toContain(JSON.stringify(image));
      expect(message).toContain(advice);
    }
    return pulled;
  }

  async function expectNothingRecorded() {
    const { records, leaves } = await readServedLedger(served, folder.path);
    expect([records, leaves]).toEqual([[], []]);
  }

  it.each(ROWS)('$title: refuses and records nothing', async ({ lies, ...row }) => {
    const repository = row.title.toLowerCase().replaceAll(/\W/g, '-');
    await registry.putImage({ repository, tag: '1' });
    const before = visits;
    Object.assign(registry.lies, lies((inside.address() as AddressInfo).port));
    await expectRefused(`${registry.host}/${repository}:1`, row);
    for (const name of Object.keys(registry.lies)) Reflect.deleteProperty(registry.lies, name);
    expect(visits).toBe(before);
    await expectNothingRecorded();
  });

  it('no address at all: refuses and records nothing', async () => {
    await expectRefused('registry.invalid/app:1', { ...BROKEN, advice: 'check its spelling' });
    await expectNothingRecorded();
  });

  it('429: refuses, says for how long, and does not ask again meanwhile', async () => {
    await limiting.putImage({ repository: 'app', tag: '1' });
    limiting.lies.rateLimit = { retryAfter: '60' };
    const row = { code: 'REGISTRY_RATE_LIMITED', exit: 3, advice: 'wait' };
    const first = await expectRefused(`${limiting.host}/app:1`, { ...row, proxy: [429, 'TOOMANYREQUESTS'] });
    expect(first.headers['retry-after']).toBe('60');

    // one for each door, which know nothing of one another's connections
    expect(limiting.requests).toHaveLength(3);
    delete limiting.lies.rateLimit;
    const second = await pull(`${limiting.host}/app:other`);
    expect([second.status, Number(second.headers['retry-after']) <= 60]).toEqual([429, true]);
    expect((await review(served, podReview([`${limiting.host}/app:other`]))).allowed).toBe(false);
    expect(limiting.requests).toHaveLength(3);
    await expectNothingRecorded();
  });

  it('something that is no image: refuses and records nothing', async () => {
    const pulled = await pull(`${registry.host}/App:1`);
    expect([pulled.status, errorOf(pulled)?.code]).toEqual([400, 'NAME_INVALID']);
    const { allowed, status } = await review(served, podReview(['registry.example/App:1']));
    expect([allowed, status?.code]).toEqual([false, 403]);
    for (const message of [errorOf(pulled)?.message, status?.message]) {
      expect(message).toMatch(/^[^\n]*"[^"\n]*App[^"\n]*"[^\n]*lower[ -]case[^\n]*$/);
    }
    await expectNothingRecorded();
  });
});
