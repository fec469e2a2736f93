import type { Config } from './config.ts';
import { contradiction, type ValueReader } from './value-reader.ts';

/** `controller.*`. Throws CONFIG_INVALID. */
export function controllerSettings(get: ValueReader): Config['controller'] {
  const enabled = inCluster(get, 'controller.enabled');
  const seconds = get.count('controller.scanEverySeconds');
  const isScanning = get.flag('controller.scan') && seconds !== undefined;
  return { enabled, ...(isScanning && { scanEveryMs: seconds * 1_000 }) };
}

/** Whether the flag is set; what it asks for needs `store.kind: kubernetes`. Throws CONFIG_INVALID. */
export function inCluster(get: ValueReader, path: string): boolean {
  const isSet = get.raw(path) === 'cluster' || get.flag(path);
  if (isSet && get.text('store.kind') !== 'kubernetes') {
    throw contradiction(path, 'needs store.kind kubernetes');
  }
  return isSet;
}
