import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../src/config/read-config.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const inCluster = { TAGSEAL_STORE_KIND: 'kubernetes' };
const read = (environment: Record<string, string>) =>
  readConfig({ file: undefined, environment, workingDirectory: '/work' });

describe('the settings of a cluster', () => {
  it('names everything after the deployment', () => {
    const { store, admission } = read({ ...inCluster, TAGSEAL_KUBERNETES_NAME: 'seal' });
    expect(store).toMatchObject({ kind: 'kubernetes', name: 'seal' });
    expect(admission.serviceName).toBe('seal-webhook');
  });

  const pod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  const HOME = '/home/ada';
  const serviceAccount = { by: 'serviceAccount', host: 'fd00::1', port: '443' };
  it.each([
    ['the home folder', { HOME }, { by: 'kubeconfig', files: ['/home/ada/.kube/config'] }],
    ['a Pod', { HOME, ...pod }, serviceAccount],
    ['a Pod whose KUBECONFIG is empty', { HOME, ...pod, KUBECONFIG: '' }, serviceAccount],
    ['KUBECONFIG', { HOME, ...pod, KUBECONFIG: 'a:/b' }, { by: 'kubeconfig', files: ['/work/a', '/b'] }],
    [
      'the setting',
      { HOME, ...pod, KUBECONFIG: '/b', TAGSEAL_KUBERNETES_KUBECONFIG_FILE: '~/c' },
      { by: 'kubeconfig', files: ['/home/ada/c'] },
    ],
  ])('finds the cluster as kubectl does: by %s', (_what, environment, access) => {
    expect(read({ ...inCluster, ...environment }).store).toMatchObject({ access });
  });

  it('renews a certificate as often as it is told to', () => {
    const { admission } = read({
      ...inCluster,
      TAGSEAL_ADMISSION_TLS_MODE: 'cluster',
      TAGSEAL_ADMISSION_TLS_LIFETIME_SECONDS: '10',
    });
    expect(admission.tls).toEqual({ mode: 'cluster', lifetimeMs: 10_000 });
  });

  it('scans only where a scan is wanted', () => {
    const enabled = { ...inCluster, TAGSEAL_CONTROLLER_ENABLED: 'true' };
    expect(read(enabled).controller).toEqual({ enabled: true, scanEveryMs: 600_000 });
    expect(read({ ...enabled, TAGSEAL_CONTROLLER_SCAN: 'false' }).controller).toEqual({ enabled: true });
  });

  it.each([
    ['a controller', { TAGSEAL_CONTROLLER_ENABLED: 'true' }],
    ['pull secrets', { TAGSEAL_ADMISSION_PULL_SECRETS: 'true' }],
    ['certificates of the cluster', { TAGSEAL_ADMISSION_TLS_MODE: 'cluster' }],
    ['a namespace', { TAGSEAL_KUBERNETES_NAMESPACE: 'seal' }],
  ])('refuses %s without the store of the cluster', async (_what, environment) => {
    await expect(codeOf(() => read(environment))).resolves.toBe('CONFIG_INVALID');
  });

  it('refuses the lifetime of a certificate that it does not make', async () => {
    await expect(
      codeOf(() => read({ ...inCluster, TAGSEAL_ADMISSION_TLS_LIFETIME_SECONDS: '10' })),
    ).resolves.toBe('CONFIG_INVALID');
  });
});
