import type { Setting } from '../../src/config/setting.ts';
import { SETTINGS, variableOf } from '../../src/config/settings.ts';
import { code, table } from './blocks.ts';

/** The one table of every setting. */
export function settingsTable(): string {
  const rows = SETTINGS.map((setting) => [
    code(setting.path),
    code(variableOf(setting.path)),
    defaultOf(setting),
    setting.about,
  ]);
  return table(['setting', 'variable', 'default', 'meaning'], rows);
}

function defaultOf({ default: value }: Setting): string {
  if (value === undefined) return '';
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}
