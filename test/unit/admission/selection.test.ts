import { describe, expect, it } from '@jest/globals';
import { admissionSetup, pod, podWith, reviewOf, type Json } from '../../support/admission-setup.ts';
import { moved, scriptedCheck } from '../../support/verdicts.ts';

const EPHEMERAL = { operation: 'UPDATE', subResource: 'ephemeralcontainers' };

/** Every image is denied, so what is allowed was not judged. */
async function judgedTexts(change: Json) {
  const check = scriptedCheck({}, moved);
  const answer = await admissionSetup(check.checkImage).ask('mutate', reviewOf(change));
  const texts = check.calls.map(({ text }) => text);
  expect(answer.allowed).toBe(texts.length === 0);
  return texts;
}

function withEphemeral(...images: readonly string[]): Json {
  return pod({
    containers: [{ name: 'c0', image: 'a:1' }],
    ephemeralContainers: images.map((image, i) => ({ name: `e${i}`, image })),
  });
}

describe('what is judged', () => {
  it.each([
    ['every image of a new Pod', { object: podWith('a:1', 'b:1') }, ['a:1', 'b:1']],
    ['each text once', { object: podWith('a:1', 'a:1') }, ['a:1']],
    [
      'only the changed image of an UPDATE',
      { operation: 'UPDATE', object: podWith('a:1', 'b:2'), oldObject: podWith('a:1', 'b:1') },
      ['b:2'],
    ],
    [
      'nothing when only a label changes',
      { operation: 'UPDATE', object: podWith('a:1'), oldObject: podWith('a:1') },
      [],
    ],
    [
      'an image that moved to another container',
      { operation: 'UPDATE', object: podWith('a:1', 'a:1'), oldObject: podWith('a:1', 'b:1') },
      ['a:1'],
    ],
    [
      'all of an UPDATE that comes without the old object',
      { operation: 'UPDATE', object: podWith('a:1') },
      ['a:1'],
    ],
    ['nothing of a DELETE', { operation: 'DELETE', object: null, oldObject: podWith('a:1') }, []],
    ['nothing of a CONNECT', { operation: 'CONNECT', object: {} }, []],
    [
      'nothing of a Pod that is being deleted',
      {
        operation: 'UPDATE',
        object: podWith('a:2'),
        oldObject: pod({ containers: [] }, { deletionTimestamp: '2026-11-02T00:00:00Z' }),
      },
      [],
    ],
    [
      'a new Pod that claims to be deleted',
      {
        object: pod(
          { containers: [{ name: 'c', image: 'a:1' }] },
          { deletionTimestamp: '2026-11-02T00:00:00Z' },
        ),
      },
      ['a:1'],
    ],
    [
      'nothing of a mirror Pod',
      {
        object: pod(
          { containers: [{ name: 'c', image: 'a:1' }] },
          { annotations: { 'kubernetes.io/config.mirror': 'x' } },
        ),
      },
      [],
    ],
    ['nothing of pods/status', { operation: 'UPDATE', subResource: 'status', object: podWith('a:1') }, []],
    [
      'nothing of pods/binding, whatever its kind',
      { subResource: 'binding', kind: { group: '', version: 'v1', kind: 'Binding' }, object: {} },
      [],
    ],
    [
      'only new ephemeral containers',
      { ...EPHEMERAL, object: withEphemeral('d:1', 'd:2'), oldObject: withEphemeral('d:1') },
      ['d:2'],
    ],
    [
      'no container beside ephemeral ones, even changed',
      { ...EPHEMERAL, object: withEphemeral('d:1'), oldObject: podWith('other:1') },
      ['d:1'],
    ],
    [
      'nothing of a Pod without images',
      { object: pod({ containers: [{ name: 'c' }, { name: 'd', image: '' }] }) },
      [],
    ],
    ['nothing of a Pod without a spec', { object: { apiVersion: 'v1', kind: 'Pod' } }, []],
  ])('is %s', async (_title, change, texts) => {
    expect(await judgedTexts(change)).toEqual(texts);
  });
});

describe('what an UPDATE may patch', () => {
  const before = pod({
    containers: [{ name: 'a', image: 'a:1' }],
    initContainers: [{ name: 'b', image: 'b:1' }],
    ephemeralContainers: [{ name: 'c', image: 'c:1' }],
    volumes: [{ name: 'd', image: { reference: 'd:1' } }],
  });
  const after = pod({
    containers: [{ name: 'a', image: 'a:2' }],
    initContainers: [{ name: 'b', image: 'b:2' }],
    ephemeralContainers: [
      { name: 'c', image: 'c:2' },
      { name: 'new', image: 'c:3' },
    ],
    volumes: [{ name: 'd', image: { reference: 'd:2' } }],
  });

  it('is containers, initContainers and new ephemeral containers, and never volumes', async () => {
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    const answer = await ask('mutate', reviewOf({ operation: 'UPDATE', object: after, oldObject: before }));
    expect(answer.patch?.filter(({ op }) => op === 'replace').map(({ path }) => path)).toEqual([
      '/spec/containers/0/image',
      '/spec/initContainers/0/image',
      '/spec/ephemeralContainers/1/image',
    ]);
  });

  it('still judges what it may not patch', async () => {
    const check = scriptedCheck({ 'd:2': moved('d:2') });
    const { ask } = admissionSetup(check.checkImage);
    const answer = await ask('mutate', reviewOf({ operation: 'UPDATE', object: after, oldObject: before }));
    expect(answer.status?.details?.causes?.map(({ field }) => field)).toEqual([
      'spec.volumes[0].image.reference',
    ]);
  });
});
