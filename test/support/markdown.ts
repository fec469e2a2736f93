import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Text of a file of the repository. */
export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Files that git tracks, or would track: what is ignored is not the repository's. */
export function repositoryFiles(): readonly string[] {
  const { stdout, status } = spawnSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: ROOT, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error('git ls-files failed');
  return [...new Set(stdout.split('\0'))].filter((name) => name !== '' && existsInTree(name));
}

function existsInTree(name: string): boolean {
  try {
    readFileSync(join(ROOT, name));
    return true;
  } catch {
    return false;
  }
}

export function markdownFiles(): readonly string[] {
  return repositoryFiles().filter((name) => name.endsWith('.md'));
}

export interface CodeBlock {
  /** The info string: `yaml`, `sh`. */
  readonly language: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

export function codeBlocks(markdown: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; text: string[] } | undefined;
  for (const [i, line] of markdown.split('\n').entries()) {
    const fence = /^\s*```(\S*)/.exec(line);
    if (fence === null) open?.text.push(line);
    else if (open === undefined) open = { language: fence[1] ?? '', line: i + 1, text: [] };
    else {
      blocks.push({ language: open.language, line: open.line, text: open.text.join('\n') });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the code block of line ${open.line} never ends`);
  return blocks;
}

/** The document without code blocks, line for line. */
export function prose(markdown: string): string {
  let inside = false;
  return markdown
    .split('\n')
    .map((line) => {
      const isFence = /^\s*```/.test(line);
      if (isFence) inside = !inside;
      return isFence || inside ? '' : line;
    })
    .join('\n');
}

export function headings(markdown: string): readonly string[] {
  return [...prose(markdown).matchAll(/^#{1,6} +(.+?)\s*$/gm)].map(([, title = '']) => title);
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[`*]|\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

export interface Link {
  readonly target: string;
  readonly line: number;
}

export function links(markdown: string): readonly Link[] {
  return prose(markdown)
    .split('\n')
    .flatMap((line, i) =>
      [...line.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({
        target,
        line: i + 1,
      })),
    );
}

/** The text under a heading, down to the next one of its rank or above. Throws where there is none. */
export function section(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => /^#{1,6} /.test(line) && line.replace(/^#+ +/, '') === heading);
  if (start === -1) throw new Error(`no section ${heading}`);
  const rank = /^#+/.exec(lines[start] ?? '')?.[0].length ?? 0;
  const length = lines.slice(start + 1).findIndex((line) => {
    const found = /^(#+) /.exec(line)?.[1]?.length;
    return found !== undefined && found <= rank;
  });
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

/** The rows of the first table of a text, without its head; a cell keeps its markup. */
export function tableRows(markdown: string): readonly (readonly string[])[] {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => /^\|[\s:|-]+\|$/.test(line));
  if (start === -1) throw new Error('no table');
  const rows: string[][] = [];
  for (const line of lines.slice(start + 1)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
  }
  return rows;
}

/** What stands in backticks. */
export function codeSpans(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
}
