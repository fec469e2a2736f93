import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../src/config/read-config.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import {
  CASES,
  CHART,
  HELMS,
  objectsOf,
  podsOf,
  runHelm,
  textOf,
  valuesOf,
  webhooksOf,
  type Rendered,
} from './render.ts';

const both = HELMS.flatMap((helm) => CASES.map((values) => ({ helm, values })));

function byName(objects: readonly Rendered[]): readonly unknown[] {
  const nameOf = ({ kind, metadata }: Rendered) => `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
  return objects.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
}

describe.each(both)('$helm with $values values', ({ helm, values }) => {
  it('finds nothing to complain about', async () => {
    const { code, stdout, stderr } = await runHelm(
      helm,
      ...['lint', '--strict', CHART, '--kube-version', '1.37.2'],
      ...valuesOf(values),
    );
    expect({ code, output: stdout + stderr }).toEqual({
      code: 0,
      output: expect.not.stringContaining('[WARNING]'),
    });
  });

  it('renders the same bytes again', async () => {
    const args = valuesOf(values);
    expect(await textOf(helm, args)).toBe(await textOf(helm, args));
  });

  it('renders what the other helm does', async () => {
    const [one, other] = await Promise.all(HELMS.map((each) => objectsOf(each, valuesOf(values))));
    expect(byName(one ?? [])).toEqual(byName(other ?? []));
  });
});

describe.each(CASES)('what %s values render to', (values) => {
  const rendered = objectsOf('helm4', valuesOf(values));

  it('has a place of its own for each object', async () => {
    const places = (await rendered).map(
      ({ apiVersion, kind, metadata }) =>
        `${apiVersion}/${kind}/${metadata.namespace ?? ''}/${metadata.name}`,
    );
    expect(places.toSorted()).toEqual([...new Set(places)].toSorted());
  });

  it('takes every image from one place', async () => {
    const moved = await objectsOf('helm4', [
      ...valuesOf(values),
      ...['--set', 'global.imageRegistry=elsewhere.example.com:5000,image.repository=a/b,image.tag=c'],
      ...['--set', 'image.digest='],
    ]);
    const images = podsOf(moved).flatMap(({ spec }) => spec.containers.map(({ image }) => image));
    expect(images.length).toBeGreaterThan(0);
    expect([...new Set(images)]).toEqual(['elsewhere.example.com:5000/a/b:c']);
  });

  it('runs nothing but restricted Pods with a read-only root', async () => {
    for (const { of, spec } of podsOf(await rendered)) {
      const volumes = spec.volumes.flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name'));
      expect({ of, ...spec.securityContext }).toMatchObject({
        of,
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(['configMap', 'emptyDir', 'projected', 'secret']).toEqual(expect.arrayContaining(volumes));
      for (const container of spec.containers) {
        expect({ of, ...container.securityContext }).toEqual({
          of,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  it('names no variable of a container twice', async () => {
    for (const { spec } of podsOf(await rendered)) {
      const names = spec.containers.flatMap(({ env = [] }) => env.map(({ name }) => name));
      expect(names).toEqual([...new Set(names)]);
    }
  });

  it('mounts only volumes that are there', async () => {
    for (const { spec } of podsOf(await rendered)) {
      const mounted = spec.containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name));
      expect(mounted.toSorted()).toEqual(spec.volumes.map(({ name }) => name).toSorted());
    }
  });

  it('has no Secret, and a caBundle only where it was given', async () => {
    const objects = await rendered;
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const bundles = webhooksOf(objects).map(({ clientConfig }) => clientConfig.caBundle !== undefined);
    expect(new Set(bundles)).toEqual(new Set(bundles.length === 0 ? [] : [values === 'existing-secrets']));
  });

  it('calls no webhook for the release itself, nor for the system', async () => {
    const objects = await rendered;
    const own = objects.find(({ kind }) => kind === 'Deployment')?.metadata.namespace ?? '';
    const ofPods = webhooksOf(objects).filter(({ namespaceSelector }) => namespaceSelector !== undefined);
    expect(ofPods.length).toBe(values === 'proxy-only' ? 0 : 3);
    for (const { namespaceSelector } of ofPods) {
      const expressions = namespaceSelector?.matchExpressions ?? [];
      // a label with a slip of the pen is sent here too, and enforced
      expect(expressions.slice(0, 2)).toEqual([
        { key: 'tagseal.dev/mode', operator: 'Exists' },
        { key: 'tagseal.dev/mode', operator: 'NotIn', values: ['off'] },
      ]);
      expect(expressions[2]).toMatchObject({ key: 'kubernetes.io/metadata.name', operator: 'NotIn' });
      expect(expressions[2]?.values).toEqual(expect.arrayContaining([own, 'kube-system', 'kube-node-lease']));
    }
  });

  it('is a config file that each role can read', async () => {
    const objects = await rendered;
    await using folder = await makeTempFolder();
    const file = objects.find(
      ({ data }) => typeof data === 'object' && data !== null && 'tagseal.yaml' in data,
    );
    await writeFile(
      join(folder.path, 'tagseal.yaml'),
      (file?.['data'] as Readonly<Record<string, string>>)['tagseal.yaml'] ?? '',
    );
    const roles = podsOf(objects.filter(({ kind }) => kind === 'Deployment')).map(({ spec }) => {
      const { env = [], name } = spec.containers[0] ?? { name: '' };
      const environment = {
        ...Object.fromEntries(env.map((variable) => [variable.name, variable.value])),
        KUBERNETES_SERVICE_HOST: '10.96.0.1',
        KUBERNETES_SERVICE_PORT: '443',
      };
      const { admission, proxy, controller, store, admin } = readConfig({
        environment,
        workingDirectory: folder.path,
      });
      expect({ store: store.kind, admin: admin.listen }).toEqual({ store: 'kubernetes', admin: ':9090' });
      return [name, [admission.enabled, controller.enabled, proxy.enabled]];
    });
    const all = {
      webhook: [true, false, false],
      controller: [false, true, false],
      proxy: [false, false, true],
    };
    expect(Object.fromEntries(roles)).toEqual(values === 'proxy-only' ? { proxy: all.proxy } : all);
  });
});

describe('the default values', () => {
  it('call each path of the program by the webhook of its name', async () => {
    const webhooks = webhooksOf(await objectsOf('helm4', []));
    expect(
      webhooks.map(({ name, failurePolicy, clientConfig }) => [
        name,
        clientConfig.service.path,
        failurePolicy,
      ]),
    ).toEqual([
      ['immutable-tags.tagseal.dev', '/mutate', 'Fail'],
      ['approvals.tagseal.dev', '/stamp', 'Fail'],
      ['pinned-images.tagseal.dev', '/validate', 'Fail'],
      ['workloads.tagseal.dev', '/warn', 'Ignore'],
      ['policies.tagseal.dev', '/policy', 'Fail'],
    ]);
  });

  it('say how to get out, after the installation', async () => {
    const { stdout } = await runHelm(
      'helm4',
      ...['install', 'tagseal', CHART, '--dry-run=client', '--namespace', 'tagseal-system'],
      ...['--kube-version', '1.37.2'].slice(2),
    );
    expect(stdout).toContain(
      'kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration tagseal',
    );
    expect(stdout).toContain('tagseal.dev/mode=audit');
  });
});

function kindsOf(objects: readonly Rendered[], kind: string): readonly string[] {
  return objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
}

describe('the number of replicas', () => {
  const written = (objects: readonly Rendered[]) =>
    objects
      .filter(({ kind, spec }) => kind === 'Deployment' && Object.hasOwn(spec as object, 'replicas'))
      .map(({ metadata }) => metadata.name);

  it('is left to an autoscaler where there is one', async () => {
    const objects = await objectsOf('helm4', valuesOf('everything'));
    expect(kindsOf(objects, 'HorizontalPodAutoscaler')).toEqual(['seal-webhook', 'seal-proxy']);
    expect(written(objects)).toEqual(['seal-controller']);
    expect(kindsOf(objects, 'PodDisruptionBudget').length).toBe(3);
  });

  it('has a disruption budget only where one may go', async () => {
    const objects = await objectsOf('helm4', ['--set', 'proxy.replicaCount=1,controller.replicaCount=0']);
    expect(kindsOf(objects, 'PodDisruptionBudget')).toEqual(['tagseal-webhook']);
  });
});

describe('the values of a role', () => {
  it('win over those of all roles', async () => {
    const objects = await objectsOf('helm4', [
      '--set',
      'priorityClassName=low,webhook.priorityClassName=high,extraEnv[0].name=A,extraEnv[0].value=all,proxy.extraEnv[0].name=A,proxy.extraEnv[0].value=own',
    ]);
    const pods = podsOf(objects.filter(({ kind }) => kind === 'Deployment')).map(({ of, spec }) => {
      const variable = spec.containers[0]?.env?.find(({ name }) => name === 'A');
      return [of, spec.priorityClassName, variable?.value];
    });
    expect(pods.toSorted()).toEqual([
      ['Deployment tagseal-controller', 'low', 'all'],
      ['Deployment tagseal-proxy', 'low', 'own'],
      ['Deployment tagseal-webhook', 'high', 'all'],
    ]);
  });

  it('may replace a variable of the chart', async () => {
    const objects = await objectsOf('helm4', [
      '--set-json',
      'proxy.extraEnv=[{"name":"TAGSEAL_ADMISSION_ENABLED","value":"true"}]',
    ]);
    const [proxy] = podsOf(objects.filter(({ metadata }) => metadata.name === 'tagseal-proxy'));
    const named = proxy?.spec.containers[0]?.env?.filter(({ name }) => name === 'TAGSEAL_ADMISSION_ENABLED');
    expect(named).toEqual([{ name: 'TAGSEAL_ADMISSION_ENABLED', value: 'true' }]);
  });
});

describe('the resource definitions', () => {
  const files = readdirSync(join(CHART, 'files', 'crds')).filter((name) => name.endsWith('.yaml'));
  const definitions = async (values: readonly string[]) =>
    (await objectsOf('helm4', values)).filter(({ kind }) => kind === 'CustomResourceDefinition');

  it('are all of the files, and outlive the release unless told otherwise', async () => {
    const kept = await definitions([]);
    expect(kept.length).toBe(files.length);
    expect(
      kept.filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] !== 'keep'),
    ).toEqual([]);
    const dropped = await definitions(['--set', 'crds.keep=false']);
    expect(
      dropped.filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep'),
    ).toEqual([]);
    expect(await definitions(['--set', 'crds.enabled=false'])).toEqual([]);
  });
});

describe('without mutation', () => {
  it('Pods are judged and not changed', async () => {
    const webhooks = webhooksOf(await objectsOf('helm4', ['--set', 'webhook.mutation.enabled=false']));
    expect(webhooks.map(({ clientConfig }) => clientConfig.service.path)).toEqual([
      '/stamp',
      '/validate',
      '/warn',
      '/policy',
    ]);
  });
});
