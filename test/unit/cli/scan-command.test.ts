import { describe, expect, it } from '@jest/globals';
import type { ScanPlaces, ScanResult, ScanRow } from '../../../src/cli/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { setUpCli, type CliChange } from '../../support/cli-setup.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { loggedRecord } from '../../support/verdicts.ts';

const TAG = 'ghcr.io/acme/api:1';

function row(pod: string, result: ScanResult): ScanRow {
  const place = { namespace: 'shop', pod, container: 'main', image: TAG, reference: TAG };
  return { ...place, running: digestOfB, recorded: loggedRecord(TAG), result };
}

function setUp(rows: readonly ScanRow[], change: CliChange = {}) {
  const asked: (ScanPlaces | undefined)[] = [];
  const runtime: CliChange['runtime'] = {
    scan(places) {
      asked.push(places);
      return Promise.resolve({ rows, pods: rows.length, skipped: 0 });
    },
  };
  return { asked, ...setUpCli({ runtime, ...change }) };
}

describe('tagseal scan', () => {
  it.each([
    { result: { kind: 'ok' }, code: 0 },
    { result: { kind: 'exempt' }, code: 0 },
    { result: { kind: 'unknown' }, code: 0 },
    { result: { kind: 'mismatch' }, code: 1 },
    { result: { kind: 'older', generation: 2 }, code: 1 },
    { result: { kind: 'unrecorded' }, code: 1 },
    { result: { kind: 'failed', error: new AppError({ code: 'RECORD_INVALID', message: 'no' }) }, code: 4 },
    { result: { kind: 'failed', error: new TypeError('a secret detail') }, code: 70 },
  ] as const)('exits $code for $result.kind, and says so in JSON', async ({ result, code }) => {
    const { run } = setUp([row('a', { kind: 'ok' }), row('b', result)]);
    const answer = await run('scan', '-o', 'json');
    expect(answer.code).toBe(code);
    expect(JSON.parse(answer.stdout)).toMatchObject({
      pods: 2,
      skipped: 0,
      images: [
        { pod: 'a', result: 'ok' },
        { pod: 'b', result: result.kind, record: { digest: digestOfA } },
      ],
    });
    expect(answer.stdout + answer.stderr).not.toContain('a secret detail');
  });

  it('shows what is not in order, and counts the rest', async () => {
    const { stdout } = await setUp([row('a', { kind: 'ok' }), row('b', { kind: 'mismatch' })]).run('scan');
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^NAMESPACE +POD +CONTAINER +IMAGE +RESULT +RUNNING +RECORDED$/),
      expect.stringMatching(/^shop +b +main +ghcr.io\/acme\/api:1 +mismatch +sha256:\w{12} +sha256:\w{12}$/),
      '2 Pods, 2 images by tag: 1 ok, 1 mismatch',
      '',
    ]);
  });

  it('shows all of it when that is asked for', async () => {
    const { stdout } = await setUp([row('a', { kind: 'ok' })]).run('scan', '--all');
    expect(stdout).toMatch(/^shop +a /m);
  });

  it.each([
    { args: [], places: undefined },
    { args: ['-A'], places: 'optedIn' },
    { args: ['-n', 'shop'], places: { namespace: 'shop' } },
  ])('looks where $args says', async ({ args, places }) => {
    const plain = setUp([]);
    await plain.run('scan', ...args);
    const plugin = setUp([], { as: 'kubectl tagseal' });
    await plugin.run('scan', ...args);
    expect([plain.asked, plugin.asked]).toEqual([[places], [places]]);
  });

  it('does not take one namespace and all of them', async () => {
    const { run, asked } = setUp([]);
    const { code, stderr } = await run('scan', '-A', '-n', 'shop');
    expect({ code, asked, stderr }).toEqual({
      code: 2,
      asked: [],
      stderr: expect.stringContaining('--namespace'),
    });
  });

  it('says what to set where the config knows no cluster', async () => {
    const { code, stderr } = await setUpCli().run('scan');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('store.kind') });
  });
});
