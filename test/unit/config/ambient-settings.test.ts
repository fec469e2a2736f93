import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../src/config/read-config.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const WORKLOAD = {
  AZURE_CLIENT_ID: 'client',
  AZURE_TENANT_ID: 'tenant',
  AZURE_FEDERATED_TOKEN_FILE: 'token',
};

function ambient(clouds: string, environment: Readonly<Record<string, string>> = {}) {
  const all = { ...environment, TAGSEAL_REGISTRIES_AMBIENT_CREDENTIALS: clouds };
  return readConfig({ environment: all, workingDirectory: '/work' }).registries.ambient;
}

describe('registries.ambientCredentials', () => {
  it('asks no cloud that is not listed, whatever the environment says', () => {
    expect(ambient('aws', WORKLOAD)).toEqual({ aws: true });
    expect(readConfig({ environment: WORKLOAD, workingDirectory: '/work' }).registries.ambient).toEqual({
      aws: false,
    });
  });

  it('takes the workload identity of Azure from the environment', () => {
    const authority = 'https://login.microsoftonline.com/';
    const workload = { authority, clientId: 'client', tenantId: 'tenant', tokenFile: '/work/token' };
    expect(ambient('azure', WORKLOAD)).toEqual({ aws: false, azure: { workload, clientId: 'client' } });
    const machine = { AZURE_CLIENT_ID: 'client' };
    expect(ambient('azure', machine)).toEqual({ aws: false, azure: { clientId: 'client' } });
  });

  it('knows the metadata server of Google Cloud', () => {
    const own = { GCE_METADATA_HOST: '127.0.0.1:8080' };
    expect(ambient('google')).toMatchObject({ google: { metadataHost: 'metadata.google.internal' } });
    expect(ambient('google', own)).toMatchObject({ google: { metadataHost: '127.0.0.1:8080' } });
  });

  it('takes no other cloud', async () => {
    expect(await codeOf(() => ambient('ibm'))).toBe('CONFIG_INVALID');
  });
});
