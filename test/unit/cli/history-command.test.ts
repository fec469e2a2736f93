import { describe, expect, it } from '@jest/globals';
import type { GenerationFound } from '../../../src/cli/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { acceptedBy, cliRecord, verified } from '../../support/cli-records.ts';
import { setUpCli } from '../../support/cli-setup.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';

const ALPINE = 'docker.io/library/alpine:3.16';
const first = cliRecord(ALPINE);
const second = cliRecord(ALPINE, { generation: 1, digest: digestOfB, index: 40 });
const approval = { by: 'jane', reason: 'rebuilt for a CVE' };
const broken: GenerationFound = {
  kind: 'broken',
  generation: 1,
  error: new AppError({ code: 'RECORD_INVALID', message: 'the signature is not ours' }),
};

function withGenerations(...found: readonly GenerationFound[]) {
  return setUpCli({ runtime: { generations: async () => found } });
}

describe('tagseal history', () => {
  it('shows all generations, oldest first, with who accepted and why', async () => {
    const { run } = withGenerations(verified(first), verified(acceptedBy(approval, second)));
    expect(await run('history', 'alpine:3.16')).toEqual({
      code: 0,
      stderr: '',
      stillOpen: 0,
      stdout: [
        ALPINE,
        `GENERATION  DIGEST${' '.repeat(67)}FIRST SEEN                LOG INDEX  LOG TIME              PHASE   ACCEPTED BY  REASON`,
        `0           ${digestOfA}  2026-11-02T10:00:00.000Z  12         2026-11-02T10:00:01Z  Logged  -            -`,
        `1           ${digestOfB}  2026-11-02T10:00:00.000Z  40         2026-11-02T10:00:01Z  Logged  jane         rebuilt for a CVE`,
        '',
      ].join('\n'),
    });
  });

  it('says that nobody accepted a move that the policy tracks', async () => {
    const { stdout } = await withGenerations(verified(first), verified(second)).run('history', ALPINE);
    expect(stdout).toMatch(/Logged +- +the policy tracks this tag\n$/);
  });

  it('does not say that the policy tracks a tag whose approval a restore could not bring back', async () => {
    const restored = { ...second, origin: 'restore' } as const;
    const { stdout } = await withGenerations(verified(first), verified(restored)).run('history', ALPINE);
    expect(stdout).toMatch(/Logged +- +restored: the log keeps no reasons\n$/);
  });

  it('says of a generation that was accepted over a lost one that nobody knows what was before', async () => {
    const { run } = withGenerations(verified(acceptedBy(approval, second, {})));
    expect((await run('history', ALPINE)).stdout).toMatch(
      /jane +rebuilt for a CVE \(the generation before was lost\)\n$/,
    );
    const { stdout } = await run('history', ALPINE, '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ generations: [{ generation: 1 }] });
    expect(stdout).not.toContain('"from"');
  });

  it('gives everything in JSON', async () => {
    const { run } = withGenerations(verified(first), verified(acceptedBy(approval, second)));
    const { stdout } = await run('history', ALPINE, '-o', 'json');
    const common = {
      reference: ALPINE,
      phase: 'Logged',
      firstSeen: '2026-11-02T10:00:00.000Z',
      origin: 'cli',
      scope: 'default',
      claimId: first.claimId,
      privacy: 'plain',
      logged: true,
    };
    expect(JSON.parse(stdout)).toEqual({
      reference: ALPINE,
      generations: [
        { ...common, generation: 0, digest: digestOfA, log: first.log },
        {
          ...common,
          generation: 1,
          digest: digestOfB,
          log: second.log,
          approval: { ...approval, from: digestOfA },
        },
      ],
    });
  });

  it('shows a broken generation by its code, trusts none of its fields, and exits 4', async () => {
    const { run } = withGenerations(verified(first), broken);
    const { code, stdout, stderr } = await run('history', ALPINE);
    expect(code).toBe(4);
    expect(stdout).toMatch(/\n1 +- +- +- +- +RECORD_INVALID +- +-\n$/);
    expect(stderr).toBe('tagseal: generation 1: the signature is not ours\n');
    expect(JSON.parse((await run('history', ALPINE, '-o', 'json')).stdout)).toMatchObject({
      generations: [
        { generation: 0, digest: digestOfA },
        { generation: 1, error: { code: 'RECORD_INVALID', message: 'the signature is not ours' } },
      ],
    });
  });

  it('withholds an unexpected error of a generation, and exits 70', async () => {
    const { code, stderr } = await withGenerations({ ...broken, error: new TypeError('a secret') }).run(
      'history',
      ALPINE,
    );
    expect(code).toBe(70);
    expect(stderr).not.toContain('a secret');
  });

  it('exits 1 for a tag without a record', async () => {
    const { run } = setUpCli();
    const { code, stdout, stderr } = await run('history', 'alpine:3.16');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('tagseal record');
    const json = await run('history', 'alpine:3.16', '-o', 'json');
    expect(JSON.parse(json.stdout)).toEqual({ reference: ALPINE, generations: [] });
  });

  it.each(['Not A Reference', `alpine@${digestOfA}`])('exits 2 for %j, which names no tag', async (text) => {
    expect((await setUpCli().run('history', text)).code).toBe(2);
  });

  it('cannot be made to print control characters of a store', async () => {
    const log = { kind: 'embedded', url: 'http://log', origin: '\u001b[2J', index: 1, uuid: '\u001b[2J\n' };
    const { run } = withGenerations(
      verified(cliRecord(ALPINE, { log: { ...log, time: '\u202e' }, firstSeen: '\u001b[2J' })),
    );
    const { stdout } = await run('history', ALPINE);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toContain('\u202e');
  });
});
