import { describe, expect, it } from '@jest/globals';
import { setUpCli } from '../../support/cli-setup.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';

const ALPINE = 'docker.io/library/alpine:3.16';
const BUSYBOX = 'docker.io/library/busybox:1';
const log = {
  kind: 'embedded',
  url: 'http://127.0.0.1:9090/log',
  origin: 'log.test',
  index: 12,
  uuid: 'f'.repeat(64),
  time: '2026-11-02T10:00:01Z',
};
const known = { record: sampleRecord(ALPINE, { phase: 'Logged', log }), logged: true };

describe('tagseal check', () => {
  it('answers for a known tag with its digest and log index', async () => {
    const { ledger, resolver, run } = setUpCli();
    ledger.put(known);
    resolver.now(ALPINE, digestOfA);
    expect(await run('check', 'alpine:3.16')).toEqual({
      code: 0,
      stderr: '',
      stdout:
        'IMAGE        VERDICT  DIGEST               LOG INDEX  NOTE\n' +
        'alpine:3.16  ok       sha256:aaaaaaaaaaaa  12\n',
      stillOpen: 0,
    });
  });

  it.each([
    ['that its record is lost, as record does', 'RECORD_LOST', 4],
    ['that it cannot tell while the log is away', 'LOG_UNAVAILABLE', 3],
  ] as const)(
    'calls a tag without a record not new before the log was asked: it says %s',
    async (_, code, exit) => {
      const { ledger, resolver, run } = setUpCli();
      resolver.now(ALPINE, digestOfA);
      ledger.foreseen = code;
      const told = await run('check', 'alpine:3.16', '-o', 'json');
      expect(told.code).toBe(exit);
      expect(JSON.parse(told.stdout)).toMatchObject([{ verdict: 'failed', error: { code } }]);
      expect(ledger.recorded).toEqual([]);
    },
  );

  it('says of a tag whose record is missing, and that the log has, that it can be restored', async () => {
    const { ledger, resolver, run } = setUpCli();
    resolver.now(ALPINE, digestOfA);
    ledger.foreseen = 'restorable';
    const { code, stdout } = await run('check', 'alpine:3.16');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /alpine:3\.16 +restorable +sha256:a+ +- +its record is missing, and the log has it\n/,
    );
    expect(ledger.recorded).toEqual([]);
  });

  it('calls an unknown tag new and records nothing', async () => {
    const { ledger, resolver, run } = setUpCli();
    resolver.now(ALPINE, digestOfA);
    const { code, stdout } = await run('check', 'alpine:3.16');
    expect(code).toBe(0);
    expect(stdout).toContain('new');
    expect(ledger.recorded).toEqual([]);
  });

  it('exits 1 for a moved tag and prints the denial with both digests in full', async () => {
    const { ledger, resolver, run } = setUpCli();
    ledger.put(known);
    resolver.now(ALPINE, digestOfB);
    const { code, stdout, stderr } = await run('check', 'alpine:3.16');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toContain(digestOfA);
    expect(stdout).toContain(digestOfB);
    expect(stdout).toContain('moved');
  });

  it('answers from the record when the registry is down, and says that it could not recheck', async () => {
    const { ledger, resolver, run } = setUpCli({ rule: { onUnresolvable: 'pinRecorded' } });
    ledger.put(known);
    resolver.now(ALPINE, 'REGISTRY_UNAVAILABLE');
    const { code, stdout } = await run('check', 'alpine:3.16');
    expect(code).toBe(0);
    expect(stdout).toContain('not rechecked');
    const json = await run('check', 'alpine:3.16', '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject([
      { verdict: 'ok', digest: digestOfA, notes: [{ kind: 'notRechecked', code: 'REGISTRY_UNAVAILABLE' }] },
    ]);
  });

  it('says one line on standard error, and nothing else, when there is no verdict', async () => {
    const { resolver, run } = setUpCli();
    resolver.now(ALPINE, 'REGISTRY_UNAVAILABLE');
    const { code, stdout, stderr } = await run('check', 'alpine:3.16');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^tagseal: [^\n]+\n$/);
  });

  it('tells every image in JSON, in the order asked, each once, and exits with the worst code', async () => {
    const { ledger, resolver, run } = setUpCli();
    ledger.put(known);
    resolver.now(ALPINE, digestOfB);
    resolver.now(BUSYBOX, digestOfA);
    const images = ['busybox:1', 'alpine:3.16', 'Not A Reference', 'busybox:1'];
    const { code, stdout } = await run('check', ...images, '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual([
      {
        image: 'busybox:1',
        verdict: 'new',
        reference: BUSYBOX,
        digest: digestOfA,
        notes: [{ kind: 'wouldRecord' }],
      },
      {
        image: 'alpine:3.16',
        verdict: 'moved',
        reference: ALPINE,
        record: {
          reference: ALPINE,
          generation: 0,
          digest: digestOfA,
          phase: 'Logged',
          firstSeen: '2026-11-02T10:00:00.000Z',
          origin: 'cli',
          log,
        },
        notes: [],
        denial: expect.objectContaining({ reason: 'TAG_MOVED', expected: digestOfA, actual: digestOfB }),
      },
      {
        image: 'Not A Reference',
        verdict: 'failed',
        notes: [],
        error: { code: 'REFERENCE_INVALID', message: expect.any(String) },
      },
    ]);
  });

  it('tells a moved tag as such under a policy that only warns', async () => {
    const { ledger, resolver, run } = setUpCli({ rule: { mode: 'warn' } });
    ledger.put(known);
    resolver.now(ALPINE, digestOfB);
    const { code, stdout } = await run('check', 'alpine:3.16');
    expect(code).toBe(1);
    expect(stdout).toContain('the policy only warns');
  });

  it('colors the verdict only where colors are wanted', async () => {
    const coloured = setUpCli({ io: { color: true } });
    coloured.resolver.now(ALPINE, digestOfA);
    expect((await coloured.run('check', 'alpine:3.16')).stdout).toContain('\u001b[33mnew\u001b[39m');
    expect((await coloured.run('check', 'alpine:3.16', '--no-color')).stdout).not.toContain('\u001b');
  });
});

describe('tagseal record', () => {
  it('records new tags, each once', async () => {
    const { ledger, resolver, run } = setUpCli();
    resolver.now(ALPINE, digestOfA);
    resolver.now(BUSYBOX, digestOfB);
    const { code, stdout, stderr } = await run('record', 'alpine:3.16', 'busybox:1', 'alpine:3.16');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/recorded/g)).toHaveLength(2);
    expect(ledger.recorded.map(({ reference, origin }) => [reference.canonical, origin])).toEqual([
      [ALPINE, 'cli'],
      [BUSYBOX, 'cli'],
    ]);
  });

  it('shows progress on a terminal only, and only for several images', async () => {
    const { resolver, run } = setUpCli({ io: { isTerminal: true } });
    resolver.now(ALPINE, digestOfA);
    resolver.now(BUSYBOX, digestOfB);
    expect((await run('record', 'alpine:3.16', 'busybox:1')).stderr).toBe(
      '\r\u001b[Krecording 1/2\r\u001b[K',
    );
    expect((await run('record', 'alpine:3.16')).stderr).toBe('');
  });

  it('asks again while the record is pending', async () => {
    let asked = 0;
    const { resolver, ledger, run } = setUpCli({
      runtime: {
        async checkImage(text) {
          asked++;
          const reference = { text, registry: 'docker.io', repository: 'library/alpine', tag: '3.16' };
          const record = sampleRecord(ALPINE);
          if (asked < 3) return { kind: 'pending', reference, record, retryAfterSeconds: 0 };
          return {
            kind: 'admit',
            reference,
            pin: digestOfA,
            first: true,
            record,
            rewrite: 'none',
            mode: 'enforce',
            notes: [],
          };
        },
      },
    });
    resolver.now(ALPINE, digestOfA);
    ledger.behave('pending');
    expect((await run('record', 'alpine:3.16')).code).toBe(0);
    expect(asked).toBe(3);
  });

  it('exits 3 when the record is still pending at the deadline', async () => {
    const { resolver, ledger, run } = setUpCli();
    resolver.now(ALPINE, digestOfA);
    ledger.behave('pending');
    const { code, stdout, stillOpen } = await run('record', 'alpine:3.16', '--timeout', '20ms');
    expect({ code, stillOpen }).toEqual({ code: 3, stillOpen: 0 });
    expect(stdout).toContain('pending');
  });
});
