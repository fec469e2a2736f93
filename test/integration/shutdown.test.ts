import http from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readLock } from '../../src/rekor/embedded/lock.ts';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { podReview, pullPath, review, startServe, type Served } from '../support/serve.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

/** Whether somebody listens there. */
function isOpen(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function untilClosed(url: string): Promise<void> {
  while (await isOpen(url));
}

/** Holds what passes until it is opened. */
function makeGate(expected: number) {
  const opened = Promise.withResolvers<undefined>();
  const reached = Promise.withResolvers<undefined>();
  let waiting = 0;
  async function pass(): Promise<void> {
    waiting += 1;
    if (waiting === expected) reached.resolve(undefined);
    await opened.promise;
  }
  return {
    pass,
    /** Resolves once as many as expected wait. */
    reached: reached.promise,
    open: () => opened.resolve(undefined),
  };
}

describe('serve, told to stop', () => {
  let folder: TempFolder;
  let registry: FakeRegistry;
  let blob: string;
  beforeEach(async () => {
    folder = await makeTempFolder();
    registry = await startFakeRegistry();
    const { blobDigests } = await registry.putImage({ repository: 'app', tag: '1' });
    blob = blobDigests[0] ?? '';
    await registry.putImage({ repository: 'app', tag: '2' });
  });
  afterEach(async () => {
    await registry.close();
    await folder[Symbol.asyncDispose]();
  });

  const serve = (env: Readonly<Record<string, string>> = {}) =>
    startServe({ folder: folder.path, registries: [registry.host], env });
  const pull = ({ proxy }: Served, tag: string) =>
    call(proxy, pullPath(registry.host, `app/manifests/${tag}`));

  it('finishes the pulls and the admission under way, then is gone, and may start again at once', async () => {
    await using served = await serve();
    const agent = new http.Agent({ keepAlive: true });
    await call(served.admin, '/healthz', { agent });
    const gate = makeGate(3);
    registry.lies.before = gate.pass;
    const pulled = pull(served, '1');
    const streamed = call(served.proxy, pullPath(registry.host, `app/blobs/${blob}`));
    const reviewed = review(served, podReview([`${registry.host}/app:2`]));
    await gate.reached;

    const exited = served.process.stop('SIGTERM');
    for (const url of [served.proxy, served.webhook, served.admin]) await untilClosed(url);
    // nobody is sent to a door that is closed: who needs the log waits until it is free
    const holder = await readLock(join(folder.path, 'data', 'log'));
    expect([holder?.pid, holder?.url]).toEqual([served.process.pid, undefined]);
    gate.open();
    expect((await pulled).status).toBe(200);
    expect((await streamed).status).toBe(200);
    expect((await reviewed).allowed).toBe(true);
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(served.process.output()).toMatch(/"event":"serve.stopped"}\n$/);
    expect(() => process.kill(served.process.pid, 0)).toThrow('ESRCH');
    agent.destroy();

    await using again = await serve({
      TAGSEAL_PROXY_LISTEN: new URL(served.proxy).host,
      TAGSEAL_ADMISSION_LISTEN: new URL(served.webhook).host,
      TAGSEAL_ADMIN_LISTEN: new URL(served.admin).host,
    });
    expect(again.proxy).toBe(served.proxy);
    const known = await pull(again, '1');
    expect([known.status, known.headers['tlog-first-seen']]).toEqual([200, undefined]);
  });

  it('a second time waits for nothing any more', async () => {
    await using served = await serve();
    const gate = makeGate(1);
    registry.lies.before = gate.pass;
    const cut = expect(pull(served, '1')).rejects.toThrow();
    await gate.reached;
    process.kill(served.process.pid, 'SIGTERM');
    await untilClosed(served.proxy);
    expect(await served.process.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
    await cut;
    gate.open();
  });
});
