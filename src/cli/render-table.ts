import type { Digest } from '../reference/digest.ts';
import { printable } from './printable.ts';

export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** Rows under their header, columns aligned, no trailing space; ends with a line break. */
export function renderTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [header.map((text): Cell => ({ text })), ...rows].map((cells) =>
    cells.map(({ text, paint }) => ({ text: printable(text), paint })),
  );
  const widths = header.map((_, column) =>
    lines.reduce((widest, cells) => Math.max(widest, cells[column]?.text.length ?? 0), 0),
  );
  return lines
    .map((cells) =>
      cells
        .map(({ text, paint }, column) => {
          const last = column === cells.length - 1;
          const padding = last ? '' : ' '.repeat((widths[column] ?? 0) - text.length + 2);
          return (paint === undefined ? text : paint(text)) + padding;
        })
        .join('')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** `sha256:` and 12 hex digits: enough to compare by eye. */
export function shortDigest(digest: Digest): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return `${algorithm}:${hex.slice(0, 12)}`;
}

/** `  name   value` lines under a title. */
export function renderFacts(title: string, facts: readonly (readonly [string, string])[]): string {
  const width = facts.reduce((widest, [name]) => Math.max(widest, name.length), 0);
  const lines = facts.map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value)}\n`);
  return `${printable(title)}\n${lines.join('')}`;
}
