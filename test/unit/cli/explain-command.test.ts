import { describe, expect, it } from '@jest/globals';
import { makeExplainImage, type Explanation } from '../../../src/check/explain-image.ts';
import type { Verdict } from '../../../src/check/verdict.ts';
import { setUpCli } from '../../support/cli-setup.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { admit, moved } from '../../support/verdicts.ts';

const steps: Explanation['steps'] = [
  { step: 'reference', says: 'alpine:3.16 is docker.io/library/alpine:3.16' },
  { step: 'record', says: 'it is recorded as \u001b[2J', index: 12 },
];

function withVerdict(verdict: Verdict) {
  const explanation: Explanation = { steps, verdict };
  return setUpCli({ runtime: { explain: async () => explanation } });
}

describe('tagseal explain', () => {
  it('numbers the steps and ends with the answer', async () => {
    expect(await withVerdict(admit('alpine:3.16')).run('explain', 'alpine:3.16')).toEqual({
      code: 0,
      stderr: '',
      stillOpen: 0,
      stdout:
        'alpine:3.16\n' +
        ' 1. alpine:3.16 is docker.io/library/alpine:3.16\n' +
        ' 2. it is recorded as \\u001b[2J\n' +
        'answer: ok\n',
    });
  });

  it('prints the advice of a denial once', async () => {
    const { ledger, resolver } = setUpCli();
    const image = 'docker.io/library/alpine:3.16';
    ledger.put({ record: sampleRecord(image, { digest: digestOfA }), logged: true });
    resolver.now(image, digestOfB);
    const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] } }]));
    const explain = makeExplainImage({ policy: () => policy, ledger, resolver, incident: () => 'incident' });
    const { stdout } = await setUpCli({ runtime: { explain } }).run('explain', image);
    expect(stdout.match(/tagseal accept/g)).toHaveLength(1);
    expect(stdout).toContain(`\n  now      ${digestOfB}\n`);
  });

  it('exits as check does, and prints what was found', async () => {
    const { code, stdout, stderr } = await withVerdict(moved('alpine:3.16')).run('explain', 'alpine:3.16');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toContain('answer: moved, exit code 1\n');
    expect(stdout).toContain(digestOfA);
    expect(stdout).toContain(digestOfB);
  });

  it('tells the steps even where no verdict was reached', async () => {
    const denial = { reason: 'LOG_UNAVAILABLE', message: 'the log is down' } as const;
    const { code, stdout, stderr } = await withVerdict({ kind: 'deny', denial }).run('explain', 'alpine');
    expect({ code, stderr }).toEqual({ code: 3, stderr: 'tagseal: the log is down\n' });
    expect(stdout).toContain(' 2. it is recorded');
    expect(stdout).toContain('answer: failed, exit code 3\n');
  });

  it('gives verdict and steps in JSON, with every field of a step', async () => {
    const { stdout } = await withVerdict(moved('alpine:3.16')).run('explain', 'alpine:3.16', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      image: 'alpine:3.16',
      verdict: 'moved',
      denial: { reason: 'TAG_MOVED' },
      steps,
    });
  });
});
