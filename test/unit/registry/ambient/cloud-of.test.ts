import { describe, expect, it } from '@jest/globals';
import { cloudOf } from '../../../../src/registry/ambient/cloud-of.ts';

describe('the cloud of a registry', () => {
  it.each([
    [
      '123456789012.dkr.ecr.eu-central-1.amazonaws.com',
      { name: 'aws', region: 'eu-central-1', isFips: false },
    ],
    [
      '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
      { name: 'aws', region: 'us-gov-west-1', isFips: true },
    ],
    [
      '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
      { name: 'aws', region: 'cn-north-1', isFips: false },
    ],
    ['123456789012.dkr-ecr.us-east-1.on.aws', { name: 'aws', region: 'us-east-1', isFips: false }],
    ['gcr.io', { name: 'google' }],
    ['eu.gcr.io', { name: 'google' }],
    ['europe-west3-docker.pkg.dev', { name: 'google' }],
    ['acme1.azurecr.io', { name: 'azure' }],
    ['acme1-a1b2c3.azurecr.io', { name: 'azure' }],
    ['acme1.azurecr.cn', { name: 'azure' }],
  ])('of %s is told by its name', (registry, cloud) => {
    expect(cloudOf(registry)).toEqual(cloud);
  });

  it.each([
    'docker.io',
    'public.ecr.aws',
    'registry.k8s.io',
    'evil-gcr.io',
    'gcr.io.evil.example',
    'gcr.io:5000',
    'a.b.gcr.io',
    'xpkg.dev',
    'acme1.azurecr.io.evil.example',
    'evil.example/acme1.azurecr.io',
    '123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example',
    '12345.dkr.ecr.eu-central-1.amazonaws.com',
    'x123456789012.dkr.ecr.eu-central-1.amazonaws.com',
    '123456789012.dkr.ecr.eu-central-1.evil.example',
    '123456789012.dkr.ecr.eu.central-1.amazonaws.com',
  ])('is none for %s', (registry) => {
    expect(cloudOf(registry)).toBeUndefined();
  });
});
