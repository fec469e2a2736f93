import { inCluster } from './cluster-settings.ts';
import type { DoorTls } from './config.ts';
import { contradiction, type Absolute, type ValueReader } from './value-reader.ts';

const DEFAULT_LIFETIME_SECONDS = 7 * 86_400;

type Door = 'admission' | 'proxy';

/** `admission.tls.*` or `proxy.tls.*`; undefined for plain HTTP. Throws CONFIG_INVALID. */
export function tlsSettings(get: ValueReader, absolute: Absolute, door: 'admission'): DoorTls;
export function tlsSettings(get: ValueReader, absolute: Absolute, door: Door): DoorTls | undefined;
export function tlsSettings(get: ValueReader, absolute: Absolute, door: Door): DoorTls | undefined {
  const setting = (name: string) => `${door}.tls.${name}`;
  const mode = get.oneOf(setting('mode'), ['none', 'self', 'files', 'cluster']);
  const lifetimeSeconds = get.count(setting('lifetimeSeconds'));
  if (lifetimeSeconds !== undefined && mode !== 'cluster') {
    throw contradiction(setting('lifetimeSeconds'), `is not for ${setting('mode')} ${mode}`);
  }
  switch (mode) {
    case 'none':
      return undefined;
    case 'self':
      return { mode };
    case 'cluster':
      inCluster(get, setting('mode'));
      return { mode, lifetimeMs: (lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS) * 1_000 };
    case 'files': {
      const certFile = fileFor(get, setting('certFile'), setting('mode'));
      const keyFile = fileFor(get, setting('keyFile'), setting('mode'));
      return { mode, certFile: absolute(certFile), keyFile: absolute(keyFile) };
    }
  }
}

function fileFor(get: ValueReader, path: string, mode: string): string {
  const file = get.optional(path);
  if (file === undefined) throw contradiction(path, `must be set for ${mode} files`);
  return file;
}
