import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { toJson } from '../render-json.ts';
import { renderTable } from '../render-table.ts';
import type { PinnedTarget } from './plan.ts';

/** The changes as a unified diff that `patch` and `git apply` take. */
export function unifiedDiff(targets: readonly PinnedTarget[]): string {
  return targets
    .filter(({ changes }) => changes.length > 0)
    .map(({ name, text, pinnedText }) => {
      const options = { context: 3, headerOptions: FILE_HEADERS_ONLY };
      return createTwoFilesPatch(name, name, text, pinnedText, undefined, undefined, options);
    })
    .join('');
}

export function changesTable(targets: readonly PinnedTarget[]): string {
  const rows = targets.flatMap(({ name, changes }) =>
    changes.map(({ line, image, pinned }) => [`${name}:${line}`, image, pinned].map((text) => ({ text }))),
  );
  return rows.length === 0 ? '' : renderTable(['PLACE', 'IMAGE', 'PINNED'], rows);
}

export function changesJson(targets: readonly PinnedTarget[]): string {
  return toJson(
    targets.map(({ name, changes }) => ({ file: name, changed: changes.length > 0, images: changes })),
  );
}
