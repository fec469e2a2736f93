import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/read-config.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const textOf = (path: string) => readFileSync(join(EXAMPLES, path), 'utf8');
const configOf = (path: string, environment: Readonly<Record<string, string>> = {}) =>
  readConfig({ file: join(EXAMPLES, path), environment, workingDirectory: EXAMPLES });

describe('the examples', () => {
  it('for systemd are a proxy on loopback with a log of its own', () => {
    const { proxy, log, store, dataDir } = configOf('systemd/tagseal.yaml');
    expect([proxy.listen, log.kind, store.kind]).toEqual(['127.0.0.1:5050', 'embedded', 'directory']);
    const unit = textOf('systemd/tagseal.service');
    expect(unit).toContain(`StateDirectory=${dataDir.replace('/var/lib/', '')}\n`);
  });

  it('for compose hand their variables and secrets to the settings', () => {
    const { services, secrets } = parse(textOf('compose/compose.yaml'), { merge: true }) as {
      services: Record<string, { environment?: Record<string, string> }>;
      secrets: object;
    };
    const { environment = {} } = services['tagseal-a'] ?? {};
    const filled = Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/\$\{[^}]*\}/, 'x'),
    ]);
    const config = configOf('compose/tagseal.yaml', Object.fromEntries(filled) as Record<string, string>);
    expect(config.store).toMatchObject({ kind: 'postgres', server: { host: 'postgres', tls: 'disable' } });
    expect(Object.keys(secrets).map((name) => `/run/secrets/${name}`)).toEqual([
      (config.signer as { keyFile?: string }).keyFile,
      config.blindingKeyFile,
    ]);
    expect(textOf('compose/haproxy.cfg')).toContain('server a tagseal-a:5050');
  });

  it('for Cloud Run sign by the identity of the service and store in PostgreSQL by its socket', () => {
    const values: Readonly<Record<string, string>> = {
      'google_service_account.tagseal.email': 'tagseal@p.iam.gserviceaccount.com',
      'join(",", var.registries)': 'docker.io,ghcr.io',
    };
    const lines = [...textOf('cloud-run/main.tf').matchAll(/^ +(TAGSEAL_[A-Z_]+) += (.+)$/gm)];
    const settings = lines.map(
      ([, name = '', value = '']) => [name, values[value] ?? value.slice(1, -1)] as const,
    );
    expect(settings.length).toBeGreaterThan(10);
    const config = readConfig({
      environment: {
        ...Object.fromEntries(settings),
        TAGSEAL_STORE_URL: 'postgres://tagseal:x@%2Fcloudsql%2Fp%3Ar%3Ai/tagseal',
      },
      workingDirectory: EXAMPLES,
    });
    expect(config.signer).toMatchObject({
      kind: 'keyless',
      token: { kind: 'gcp' },
      pinned: { identity: 'tagseal@p.iam.gserviceaccount.com' },
    });
    expect(config.store).toMatchObject({ server: { host: '/cloudsql/p:r:i' } });
    expect(config.registries.allow).toEqual(['docker.io', 'ghcr.io']);
  });
});
