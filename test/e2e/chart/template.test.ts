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
      expect(expressions[0]).toEqual({
        key: 'tagseal.dev/mode',
        operator: 'In',
        values: ['enforce', 'warn', 'audit'],
      });
      expect(expressions[1]).toMatchObject({ key: 'kubernetes.io/metadata.name', operator: 'NotIn' });
      expect(expressions[1]?.values).toEqual(expect.arrayContaining([own, 'kube-system', 'kube-node-lease']));
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
