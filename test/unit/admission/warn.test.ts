import { describe, expect, it } from '@jest/globals';
import type { Verdict } from '../../../src/check/verdict.ts';
import { admissionSetup, reviewOf, type Json } from '../../support/admission-setup.ts';
import { loggedRecord, moved, scriptedCheck, tagReference } from '../../support/verdicts.ts';

const API = 'ghcr.io/acme/api:1.4.2';
const SPEC = { containers: [{ name: 'c', image: API }] };
const pending: Verdict = {
  kind: 'pending',
  reference: tagReference(API),
  record: loggedRecord(API),
  retryAfterSeconds: 1,
};

function workload(group: string, kind: string, spec: Json, change: Json = {}): Json {
  return reviewOf({ kind: { group, version: 'v1', kind }, object: { kind, metadata: {}, spec }, ...change });
}

const deployment = workload('apps', 'Deployment', { template: { spec: SPEC } });

describe('/warn', () => {
  it.each([
    ['apps', 'Deployment', 'spec.template.spec', { template: { spec: SPEC } }],
    ['apps', 'ReplicaSet', 'spec.template.spec', { template: { spec: SPEC } }],
    ['apps', 'StatefulSet', 'spec.template.spec', { template: { spec: SPEC } }],
    ['apps', 'DaemonSet', 'spec.template.spec', { template: { spec: SPEC } }],
    ['batch', 'Job', 'spec.template.spec', { template: { spec: SPEC } }],
    ['', 'ReplicationController', 'spec.template.spec', { template: { spec: SPEC } }],
    [
      'batch',
      'CronJob',
      'spec.jobTemplate.spec.template.spec',
      { jobTemplate: { spec: { template: { spec: SPEC } } } },
    ],
    ['', 'Pod', 'spec', SPEC],
  ])('finds the images of a %s %s under %s', async (group, kind, path, spec) => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage, 'deny');
    const answer = await ask('warn', workload(group, kind, spec));
    expect(answer.status?.details?.causes).toMatchObject([{ field: `${path}.containers[0].image` }]);
  });

  it('allows a workload with a moved tag and warns, and never patches', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage);
    const answer = await ask('warn', deployment);
    expect(answer).toMatchObject({
      allowed: true,
      warnings: [`${API} moved since 2026-11-02; its Pods will be refused`],
    });
    expect(answer).not.toHaveProperty('patch');
  });

  it('never patches what is well either', async () => {
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    const answer = await ask('warn', deployment);
    expect(answer.allowed).toBe(true);
    expect(answer).not.toHaveProperty('patch');
    expect(answer).not.toHaveProperty('warnings');
  });

  it('warns with the first line of any other denial', async () => {
    const denial = {
      reason: 'RECORD_LOST',
      message: 'no verdict: the record is lost\nask for help',
    } as const;
    const { ask } = admissionSetup(scriptedCheck({ [API]: { kind: 'deny', denial } }).checkImage);
    expect((await ask('warn', deployment)).warnings).toEqual(['no verdict: the record is lost']);
  });

  it('records ahead of the Pods, but not in a dry run', async () => {
    const check = scriptedCheck({});
    const { ask } = admissionSetup(check.checkImage);
    await ask('warn', deployment);
    await ask('warn', workload('apps', 'Deployment', { template: { spec: SPEC } }, { dryRun: true }));
    expect(check.calls.map(({ context }) => context.mayRecord)).toEqual([true, false]);
  });

  it.each([
    ['warn', 'reserved'],
    ['deny', undefined],
  ] as const)('with workloads %s waits for a first sight until it is: %s', async (workloads, waitFor) => {
    const check = scriptedCheck({});
    await admissionSetup(check.checkImage, workloads).ask('warn', deployment);
    expect(check.calls[0]?.context.waitFor).toBe(waitFor);
  });

  it('allows while a tag is being recorded', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: pending }).checkImage);
    expect((await ask('warn', deployment)).allowed).toBe(true);
  });

  it('refuses the workload itself when the setting is deny', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage, 'deny');
    expect((await ask('warn', deployment)).status?.code).toBe(403);
    const waiting = admissionSetup(scriptedCheck({ [API]: pending }).checkImage, 'deny');
    expect((await waiting.ask('warn', deployment)).status?.code).toBe(429);
  });

  it('does not take a workload with the annotation of mirror Pods for one', async () => {
    const object = {
      metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } },
      spec: { template: { spec: SPEC } },
    };
    const { ask } = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage, 'deny');
    const review = reviewOf({ kind: { group: 'apps', version: 'v1', kind: 'Deployment' }, object });
    expect((await ask('warn', review)).allowed).toBe(false);
  });

  it('skips a scale subresource and a template that is left out', async () => {
    const { ask } = admissionSetup(scriptedCheck({}, moved).checkImage, 'deny');
    const scale = {
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      subResource: 'scale',
      object: {},
    };
    expect((await ask('warn', reviewOf(scale))).allowed).toBe(true);
    expect((await ask('warn', workload('', 'ReplicationController', {}))).allowed).toBe(true);
  });
});
