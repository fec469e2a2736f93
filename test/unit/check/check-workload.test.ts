import { describe, expect, it } from '@jest/globals';
import { makeCheckWorkload } from '../../../src/check/check-workload.ts';
import { parseReference } from '../../../src/reference/parse-reference.ts';

const context = {
  origin: 'admission',
  mayRecord: false,
  mayResolve: false,
  signal: new AbortController().signal,
} as const;

describe('checkWorkload', () => {
  it('checks each distinct text once, and all of them at the same time', async () => {
    const started: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const checkWorkload = makeCheckWorkload(async (text) => {
      started.push(text);
      // nobody gets through before everybody is here
      if (started.length === 3) release();
      await gate;
      return { kind: 'exempt', reference: parseReference(text), why: 'test' };
    });
    const verdicts = await checkWorkload(['a:1', 'b:1', 'a:1', 'c:1', 'b:1'], context);
    expect(started).toEqual(['a:1', 'b:1', 'c:1']);
    expect([...verdicts.keys()]).toEqual(['a:1', 'b:1', 'c:1']);
  });
});
