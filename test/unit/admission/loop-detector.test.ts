import { describe, expect, it } from '@jest/globals';
import { makeLoopDetector } from '../../../src/admission/loop-detector.ts';
import type { CheckImage } from '../../../src/check/verdict.ts';
import { admissionSetup, pod, reviewOf, type Json } from '../../support/admission-setup.ts';
import { admit, moved, scriptedCheck } from '../../support/verdicts.ts';

const PG = { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'db', uid: 'u1', controller: true };

interface Made {
  readonly owner?: Json;
  readonly name?: string;
  readonly image?: string;
  readonly change?: Json;
}

/** Who creates the same Pod again and again, and how often that was warned of. */
function setUp(checkImage: CheckImage = scriptedCheck({}).checkImage) {
  let now = 0;
  const setup = admissionSetup(checkImage, { loops: makeLoopDetector({ monotonicMs: () => now }) });
  async function create({ owner = PG, name = 'db-1', image = 'pg:17', change = {} }: Made = {}) {
    const object = pod({ containers: [{ name: 'c', image }] }, { name, ownerReferences: [owner] });
    return (await setup.ask('mutate', reviewOf({ object, ...change }))).warnings ?? [];
  }
  async function warnedOf(made: readonly Made[]): Promise<number> {
    const warnings: readonly string[][] = await Promise.all(
      made.map(async (one) => [...(await create(one))]),
    );
    return warnings.filter(({ length }) => length > 0).length;
  }
  return { ...setup, create, warnedOf, wait: (ms: number) => (now += ms) };
}

const times = (count: number, made: Made = {}): readonly Made[] => Array.from({ length: count }, () => made);

describe('the loop detector', () => {
  it('tells the sixth time within ten minutes, by warning, log and metric', async () => {
    const { create, warnedOf, lines, exposition } = setUp();
    expect(await warnedOf(times(5))).toBe(0);
    const [warning = ''] = await create();
    expect(warning).toBe(
      'Cluster db makes this pod again and again; if it compares images, use rewrite: none',
    );
    expect(lines().filter(({ event }) => event === 'admission.loop')).toMatchObject([
      { owner: 'db', ownerKind: 'Cluster', ownerUid: 'u1', pod: 'db-1' },
    ]);
    expect(await exposition()).toContain('tagseal_admission_loops_total 1');
  });

  it.each<[string, readonly Made[]]>([
    ['many Pods of one owner', Array.from({ length: 20 }, (_, i) => ({ name: `db-${i}` }))],
    ['other images each time', Array.from({ length: 20 }, (_, i) => ({ image: `pg:${i}` }))],
    ['other owners', Array.from({ length: 20 }, (_, i) => ({ owner: { ...PG, uid: `u${i}` } }))],
    ['names that the API server makes up', times(20, { name: '' })],
    ['a ReplicaSet', times(20, { owner: { ...PG, apiVersion: 'apps/v1', kind: 'ReplicaSet' } })],
    ['a Job', times(20, { owner: { ...PG, apiVersion: 'batch/v1', kind: 'Job' } })],
    ['a Node', times(20, { owner: { ...PG, apiVersion: 'v1', kind: 'Node' } })],
    ['an owner that is no controller', times(20, { owner: { ...PG, controller: false } })],
    ['an owner without a uid', times(20, { owner: { ...PG, uid: '' } })],
    ['an owner without anything', times(20, { owner: {} })],
    ['dry runs', times(20, { change: { dryRun: true } })],
    ['images that are not rewritten', times(20, { image: `pg@sha256:${'a'.repeat(64)}` })],
  ])('says nothing of %s', async (_, made) => {
    expect(await setUp().warnedOf(made)).toBe(0);
  });

  it('forgets what is ten minutes old', async () => {
    const { warnedOf, wait } = setUp();
    await warnedOf(times(3));
    wait(599_999);
    expect(await warnedOf(times(2))).toBe(0);
    wait(1);
    expect(await warnedOf(times(3))).toBe(0);
    expect(await warnedOf(times(1))).toBe(1);
  });

  it('goes on telling while it goes on', async () => {
    expect(await setUp().warnedOf(times(9))).toBe(4);
  });

  it('says nothing of refused Pods, which no operator fights', async () => {
    const { warnedOf, lines } = setUp(scriptedCheck({}, moved).checkImage);
    expect(await warnedOf(times(9))).toBe(0);
    expect(lines().some(({ event }) => event === 'admission.loop')).toBe(false);
  });

  it('keeps the warning short and whole for long names', async () => {
    const { warnedOf, create } = setUp();
    const made = { owner: { ...PG, name: 'n'.repeat(253) } };
    await warnedOf(times(5, made));
    const [warning = ''] = await create(made);
    expect(warning.length).toBeLessThanOrEqual(120);
    expect(warning).toMatch(/use rewrite: none$/);
  });

  it('does not count where the rule says rewrite none', async () => {
    const { checkImage } = scriptedCheck({}, (text) => admit(text, { rewrite: 'none' }));
    expect(await setUp(checkImage).warnedOf(times(9))).toBe(0);
  });
});
