import { inCluster } from './cluster-settings.ts';
import type { AdmissionTls } from './config.ts';
import { contradiction, type Absolute, type ValueReader } from './value-reader.ts';

const DEFAULT_LIFETIME_SECONDS = 7 * 86_400;

/** `admission.tls.*`. Throws CONFIG_INVALID. */
export function tlsSettings(get: ValueReader, absolute: Absolute): AdmissionTls {
  const mode = get.oneOf('admission.tls.mode', ['self', 'files', 'cluster']);
  const lifetimeSeconds = get.count('admission.tls.lifetimeSeconds');
  if (lifetimeSeconds !== undefined && mode !== 'cluster') {
    throw contradiction('admission.tls.lifetimeSeconds', `is not for admission.tls.mode ${mode}`);
  }
  switch (mode) {
    case 'self':
      return { mode };
    case 'cluster':
      inCluster(get, 'admission.tls.mode');
      return { mode, lifetimeMs: (lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS) * 1_000 };
    case 'files': {
      const certFile = fileFor(get, 'admission.tls.certFile');
      const keyFile = fileFor(get, 'admission.tls.keyFile');
      return { mode, certFile: absolute(certFile), keyFile: absolute(keyFile) };
    }
  }
}

function fileFor(get: ValueReader, path: string): string {
  const file = get.optional(path);
  if (file === undefined) throw contradiction(path, 'must be set for admission.tls.mode files');
  return file;
}
