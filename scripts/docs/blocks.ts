/** Markdown of each generated block, by file (below the root) and name of the block. */
export type Blocks = Readonly<Record<string, Readonly<Record<string, string>>>>;

const BEGIN = (name: string) => `<!-- generated: ${name} (npm run docs) -->`;
const END = '<!-- end -->';

/** The document with every generated block put in its place. Throws when a block has no place in it. */
export function withBlocks(text: string, blocks: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [name, content] of Object.entries(blocks)) {
    const start = result.indexOf(BEGIN(name));
    const end = result.indexOf(END, start);
    if (start === -1 || end === -1) throw new Error(`no place for the generated block "${name}"`);
    result = `${result.slice(0, start)}${BEGIN(name)}\n\n${content.trim()}\n\n${result.slice(end)}`;
  }
  return result;
}

/** A table as prettier lays it out. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const safe = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = header.map((name, column) =>
    Math.max(3, name.length, ...safe.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...safe.map(line)].join('\n');
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function codeBlock(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}
