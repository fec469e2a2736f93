import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import type { ProtocolStep } from '../../../src/protocol/steps.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../../src/rekor/embedded/embedded-log.ts';
import { admissionSetup, applyPatch, podWith, reviewOf, type Json } from '../../support/admission-setup.ts';
import { makeTestSigner, setUpLedger, silentLogger } from '../../support/ledger-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { tagReference } from '../../support/verdicts.ts';

const TAG = 'docker.io/library/alpine:edge';
const { signal } = new AbortController();

let folder: TempFolder;
let log: EmbeddedLog;

beforeEach(async () => {
  folder = await makeTempFolder();
  log = await openEmbeddedLog({ dir: folder.path, logger: silentLogger });
});
afterEach(async () => {
  await log.close();
  await folder[Symbol.asyncDispose]();
});

/** The webhook over the real core, ledger and log; `at` may hold the publication up. */
function setUp(rule: Json = {}, at: (step: ProtocolStep) => Promise<void> | undefined = () => undefined) {
  const { ledger } = setUpLedger({ store: makeMemoryStore(), signer: makeTestSigner(), log, at });
  const resolver = makeScriptedResolver();
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...rule }]));
  const checkImage = makeCheckImage({ policy: () => policy, ledger, resolver, incident: String });
  const { ask } = admissionSetup(checkImage);

  /** What the API server makes of a Pod: it mutates, then validates, and stores nothing in a dry run. */
  async function create(image: string, dryRun: boolean) {
    const object = podWith(image);
    const mutated = await ask('mutate', reviewOf({ object, dryRun }));
    if (mutated.allowed !== true) return { allowed: mutated.allowed, images: '' };
    const final = applyPatch(object, mutated.patch);
    const { allowed } = await ask('validate', reviewOf({ object: final, dryRun }));
    return { allowed, images: JSON.stringify(final['spec']) };
  }
  return { ask, create, ledger, resolver, found: () => ledger.find(tagReference(TAG), signal) };
}

describe('a Pod on its way through both doors', () => {
  it.each([
    ['a new tag', {}, undefined],
    ['a tracked tag that has moved', { mutableTags: [{ tags: ['edge'], as: 'track' }] }, digestOfA],
  ])('is pinned alike in a dry run and for good: %s', async (_, rule, before) => {
    const { create, resolver, found } = setUp(rule);
    if (before !== undefined) {
      resolver.now(TAG, before);
      await create('alpine:edge', false);
    }
    resolver.now(TAG, digestOfB);
    const dry = await create('alpine:edge', true);
    expect([dry.allowed, (await found())?.record.digest]).toEqual([true, before]);
    const real = await create('alpine:edge', false);
    expect([real.allowed, (await found())?.record.digest]).toEqual([true, digestOfB]);
    expect(dry.images).toBe(real.images);
    expect(dry.images).toContain(`alpine:edge@${digestOfB}`);
  });

  it.each([true, false])(
    'is refused with a digest that a tracked tag never had, dry run: %s',
    async (dryRun) => {
      const { create, resolver } = setUp({ mutableTags: [{ tags: ['edge'], as: 'track' }] });
      resolver.now(TAG, digestOfA);
      await create('alpine:edge', false);
      expect((await create(`alpine:edge@sha256:${'c'.repeat(64)}`, dryRun)).allowed).toBe(false);
    },
  );
});

describe('a Deployment that is applied', () => {
  it('is answered while the log still has nothing, and its tag is recorded before the Pods come', async () => {
    const gate = Promise.withResolvers<undefined>();
    const logged = Promise.withResolvers<undefined>();
    const { ask, resolver, found } = setUp({}, async (step) => {
      if (step === 'claimSubmitted') await gate.promise;
      if (step === 'saved') logged.resolve(undefined);
    });
    resolver.now(TAG, digestOfA);
    const spec = { template: { spec: { containers: [{ name: 'c', image: 'alpine:edge' }] } } };
    const kind = { group: 'apps', version: 'v1', kind: 'Deployment' };
    expect((await ask('warn', reviewOf({ kind, object: { metadata: {}, spec } }))).allowed).toBe(true);
    expect(await found()).toMatchObject({ logged: false });
    gate.resolve(undefined);
    await logged.promise;
    expect(await found()).toMatchObject({ logged: true, record: { digest: digestOfA } });
  });
});
