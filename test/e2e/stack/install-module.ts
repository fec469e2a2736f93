import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GoTool, Replacing } from './tools.ts';

/** Runs a program to its end and gives what it wrote; throws when it fails. */
export type Run = (
  command: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
) => string;

/**
 * Builds a program whose go.mod replaces modules by folders of its repository: `go install` refuses those. It is built
 * inside its own module, with a go.mod in which each such line names the published module or is left out; every other
 * version is the one that its authors pinned.
 */
export function buildReplacing(
  tool: GoTool & { readonly replacing: Replacing },
  folder: string,
  run: Run,
): void {
  const { module, siblings } = tool.replacing;
  const env = { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-p=2 -buildvcs=false' };
  const { Dir: source } = JSON.parse(
    run('go', ['mod', 'download', '-json', `${module}@${tool.version}`], { env }),
  ) as { readonly Dir: string };
  const work = mkdtempSync(join(tmpdir(), 'tagseal-build-'));
  try {
    const modfile = join(work, 'go.mod');
    writeFileSync(modfile, published(readFileSync(join(source, 'go.mod'), 'utf8'), siblings));
    copyFileSync(join(source, 'go.sum'), join(work, 'go.sum'));
    mkdirSync(folder, { recursive: true });
    const variables = (tool.variables ?? []).map((variable) => ` -X ${variable}`).join('');
    run(
      'go',
      [
        ...['build', '-mod=mod', `-modfile=${modfile}`, '-trimpath', `-ldflags=-s -w${variables}`],
        ...['-o', join(folder, tool.program), `.${tool.package.slice(module.length)}`],
      ],
      { env, cwd: source },
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function published(goMod: string, siblings: string | undefined): string {
  return goMod
    .split('\n')
    .flatMap((line) => {
      const [, name = '', folder] = /^\s*(?:replace )?(\S+).* => (\.\.?\/\S+)/.exec(line) ?? [];
      if (folder === undefined) return [line];
      const start = line.slice(0, line.indexOf(name));
      return siblings === undefined ? [] : [`${start}${name} => ${name} ${siblings}`];
    })
    .join('\n');
}
