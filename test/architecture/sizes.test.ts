import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function linesOf(folder: string): readonly { readonly file: string; readonly lines: number }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({
      file: join(folder, name),
      lines: readFileSync(join(ROOT, folder, name), 'utf8').split('\n').length - 1,
    }));
}

function quantile(sizes: readonly number[], share: number): number {
  return sizes.toSorted((a, b) => a - b)[Math.floor(sizes.length * share)] ?? 0;
}

describe('the size of files', () => {
  const sources = linesOf('src');

  it('keeps the whole product readable in one file under 80 lines', () => {
    expect(sources.find(({ file }) => file === 'src/check/check-image.ts')?.lines).toBeLessThan(80);
  });

  it('has a median under 80 and nine of ten under 200 lines', () => {
    const sizes = sources.map(({ lines }) => lines);
    expect(quantile(sizes, 0.5)).toBeLessThan(80);
    expect(quantile(sizes, 0.9)).toBeLessThan(200);
  });

  it('has no source over 300 lines and no test over 500', () => {
    const long = [
      ...sources.filter(({ lines }) => lines > 300),
      ...linesOf('test').filter(({ lines }) => lines > 500),
    ];
    expect(long).toEqual([]);
  });
});
