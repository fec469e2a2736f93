import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startFakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { cleanEnvironment, podReview, PROGRAM, pullPath, review, startServe } from '../support/serve.ts';
import { startProcess } from '../support/start-process.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const BANNER = /^(?:admin|log|proxy|admission) +https?:\/\//;

/** The log lines among the output, each of which must be one JSON object. */
function logLines(output: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = output.split('\n').filter((line) => line !== '' && !BANNER.test(line));
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

describe('serve without a config', () => {
  it('runs all its doors on an embedded log in the working directory', async () => {
    await using folder = await makeTempFolder();
    const anyPort = '127.0.0.1:0';
    await using running = startProcess(process.execPath, [PROGRAM, 'serve'], {
      cwd: folder.path,
      env: {
        ...cleanEnvironment(folder.path),
        TAGSEAL_CONFIG: undefined,
        TAGSEAL_PROXY_LISTEN: anyPort,
        TAGSEAL_ADMISSION_LISTEN: anyPort,
        TAGSEAL_ADMIN_LISTEN: anyPort,
      },
    });
    const urlOf = async (door: string) => (await running.waitFor(new RegExp(`${door} +(http\\S+)`)))[1] ?? '';
    const admin = await urlOf('admin');
    const proxy = await urlOf('proxy');
    const caFile = (await running.waitFor(/\(CA ([^)]+)\)/))[1] ?? '';
    await access(caFile);
    expect(await readdir(folder.path)).toEqual(['.tagseal']);
    expect((await readdir(join(folder.path, '.tagseal'))).toSorted()).toEqual([
      'admission-ca.json',
      'admission-ca.pem',
      'blinding.key',
      'log',
      'signer.key',
      'state',
    ]);

    expect(await call(admin, '/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    const ready = await call(admin, '/readyz');
    expect([ready.status, JSON.parse(ready.text)]).toEqual([200, { status: 'ok', checks: { store: 'ok' } }]);
    const metrics = await call(admin, '/metrics');
    expect(metrics.status).toBe(200);
    expect(metrics.text).toMatch(/^tagseal_build_info\{version="[^"]+"\} 1$/m);
    expect(metrics.text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect((await call(proxy, '/v2/')).status).toBe(200);
    expect((await call(proxy, pullPath('registry.example', 'app/manifests/1'))).status).toBe(403);
    expect(await running.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('the log lines of serve', () => {
  /** One pull with a login, one refused, and one Pod; gives the log of it. */
  async function logAt(level: string): Promise<string> {
    await using folder = await makeTempFolder();
    await using registry = await startFakeRegistry();
    await registry.putImage({ repository: 'app', tag: '1' });
    registry.lies.auth = { kind: 'bearer' };
    await using served = await startServe({
      folder: folder.path,
      registries: [registry.host],
      env: { TAGSEAL_LOG_LEVEL: level },
    });
    const path = pullPath(registry.host, 'app/manifests/1');
    const login = { headers: { authorization: `Basic ${Buffer.from('u:s3cret').toString('base64')}` } };
    expect((await call(served.proxy, path, login)).status).toBe(200);
    const bearer = { headers: { authorization: 'Bearer s3cret.token' } };
    expect((await call(served.proxy, `${path}?token=s3cret`, bearer)).status).toBe(200);
    expect((await call(served.proxy, pullPath(registry.host, 'none/manifests/1'), login)).status).toBe(404);
    expect((await review(served, podReview([`${registry.host}/app:1`]))).allowed).toBe(true);
    expect(registry.count('GET', '/token')).toBeGreaterThan(0);
    await served.process.stop();
    return served.process.output();
  }

  it.each(['debug', 'info'])(
    'are at level %s one JSON object a line, without any credential',
    async (level) => {
      const output = await logAt(level);
      const lines = logLines(output);
      for (const line of lines) {
        expect(line).toMatchObject({ level: expect.any(String), event: expect.any(String) });
        expect(String(line['time'])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      }
      const events = lines.map(({ event }) => event);
      expect(events.filter((event) => event === 'pull.answered')).toHaveLength(3);
      expect(events).toEqual(
        expect.arrayContaining(['serve.started', 'admission.answered', 'serve.stopped']),
      );
      expect(output).not.toMatch(/authorization|s3cret|dTpzM2NyZXQ|token-\d/i);
    },
  );

  it('are at level warn none, when nothing is wrong', async () => {
    expect(logLines(await logAt('warn'))).toEqual([]);
  });
});
