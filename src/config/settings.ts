import { EVIDENCE_SETTINGS } from './evidence-settings.ts';
import { SERVICE_SETTINGS } from './service-settings.ts';
import type { Setting } from './setting.ts';

/** Every setting there is; the docs table and the variables are made from this list. */
export const SETTINGS: readonly Setting[] = [...EVIDENCE_SETTINGS, ...SERVICE_SETTINGS];

/** `registries.plainHttp` -> `TAGSEAL_REGISTRIES_PLAIN_HTTP`. */
export function variableOf(path: string): string {
  return `TAGSEAL_${path
    .replaceAll('.', '_')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}
