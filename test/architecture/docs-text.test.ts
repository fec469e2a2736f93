import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makeProgram } from '../../src/cli/program.ts';
import {
  anchorOf,
  codeBlocks,
  codeSpans,
  headings,
  links,
  markdownFiles,
  prose,
  repositoryFiles,
  ROOT,
  section,
  tableRows,
  textOf,
} from '../support/markdown.ts';

const documents = markdownFiles();
const BINARY = /\.(?:png|jpg|gif|ico|gz|tgz|zip|woff2?)$/;

/** What a person would type: code spans and code blocks. */
function commandsOf(file: string): readonly string[] {
  const text = textOf(file);
  return [...codeBlocks(text).map((block) => block.text), ...codeSpans(prose(text))];
}

function matches(pattern: RegExp): readonly { readonly file: string; readonly name: string }[] {
  return documents.flatMap((file) =>
    commandsOf(file).flatMap((text) => [...text.matchAll(pattern)].map(([, name = '']) => ({ file, name }))),
  );
}

describe.each(documents)('the links of %s', (file) => {
  const relative = links(textOf(file)).filter(({ target }) => !/^[a-z]+:/.test(target));

  it('lead to files that are there', () => {
    const broken = relative.filter(({ target }) => {
      const [path = ''] = target.split('#');
      return path !== '' && !existsSync(join(ROOT, dirname(file), path));
    });
    expect(broken).toEqual([]);
  });

  it('lead to headings that are there', () => {
    const broken = relative.filter(({ target }) => {
      const [path = '', anchor] = target.split('#');
      const other = path === '' ? file : normalize(join(dirname(file), path));
      if (anchor === undefined || !existsSync(join(ROOT, other))) return false;
      return !headings(textOf(other)).map(anchorOf).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe('the commands that documents name', () => {
  it('are scripts of package.json', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = matches(/\bnpm run ([a-z:0-9-]+)/g);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ name }) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('are commands of tagseal', () => {
    const never = () => Promise.reject(new Error('nothing is opened'));
    const { command } = makeProgram({
      io: {
        stdout: () => undefined,
        stderr: () => undefined,
        stdoutBytes: () => Promise.resolve(),
        readStdin: never,
        stdin: () => {
          throw new Error('no input here');
        },
        isTerminal: false,
        outputIsTerminal: false,
        userName: () => undefined,
        color: false,
        signal: new AbortController().signal,
        version: '',
        nodeVersion: '',
      },
      programs: {
        openRuntime: never,
        openCluster: never,
        serve: never,
        monitor() {
          throw new Error('nothing is watched');
        },
        generateKey: () => ({ privateKey: '', publicKey: '' }),
      },
    });
    const known = new Set(command.commands.map((one) => one.name()));
    known.add('help');
    const named = matches(/(?:^|[\s|(])(?:kubectl |dist\/)?tagseal(?:\.cjs)? ([a-z]+)\b(?![:.])/gm);
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ name }) => !known.has(name))).toEqual([]);
  });

  it('are suites and benches that are there', () => {
    const suites = matches(/npm run test:e2e -- ([a-z]+)/g);
    expect(suites.filter(({ name }) => !existsSync(join(ROOT, 'test/e2e', name)))).toEqual([]);
    const benches = matches(/npm run bench -- ([a-z]+)/g);
    expect(benches.filter(({ name }) => !existsSync(join(ROOT, 'bench', `${name}.ts`)))).toEqual([]);
  });
});

describe('the files that documents name', () => {
  it.each(documents)('in %s are there', (file) => {
    const named = codeSpans(prose(textOf(file))).filter((span) =>
      /^(?:src|test|scripts|docs|bench)\/[\w./-]+\.(?:ts|mjs|md)$/.test(span),
    );
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });
});

describe('docs/dependencies.md', () => {
  const doc = textOf('docs/dependencies.md');
  const manifest = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>;

  it.each([
    ['At run time', 'dependencies'],
    ['For development', 'devDependencies'],
  ])('has under "%s" the %s of package.json, each with its reason', (heading, field) => {
    const rows = tableRows(section(doc, heading));
    const listed = rows.map(([name = '', version]) => [codeSpans(name)[0] ?? '', version] as const);
    expect(Object.fromEntries(listed)).toEqual(manifest[field]);
    expect(rows.filter(([, , why = '']) => why.length < 5)).toEqual([]);
  });

  it('names every override', () => {
    for (const [name, version] of Object.entries(manifest['overrides'] ?? {})) {
      expect(doc).toContain(`\`${name}\``);
      expect(doc).toContain(version);
    }
  });
});

describe('the text of the repository', () => {
  const files = repositoryFiles().filter((name) => !BINARY.test(name) && name !== 'package-lock.json');
  const linesThat = (pattern: RegExp) =>
    files.flatMap((file) =>
      textOf(file)
        .split('\n')
        .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim().slice(0, 100)}`] : [])),
    );

  it('names no folder of the machine that it was written on', () => {
    const own = [ROOT.replace(/\/$/, ''), homedir()]
      .filter((path) => path.length > 1)
      .map((path) => path.replaceAll('.', '\\.'));
    const pattern = new RegExp(`(?:^|[\\s"'\`(=:])(?:${own.join('|')}|/Users|/home/(?!someone))/`);
    expect(linesThat(pattern)).toEqual([]);
  });

  it('leaves nothing to do without the number of an issue', () => {
    const words = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|');
    expect(linesThat(new RegExp(`\\b(?:${words})\\b(?!\\(#\\d+\\))`))).toEqual([]);
  });
});

describe('the words of the documents', () => {
  /** Word -> what the glossary says instead. Only words that would confuse; code and quoted messages may have them. */
  const INSTEAD: Readonly<Record<string, string>> = {
    checksum: 'digest',
    'image ref': 'reference, or image text',
    uri: 'reference',
    'manifest list': 'image index',
    backend: 'upstream',
    sth: 'checkpoint',
    'merkle path': 'inclusion proof',
    receipt: 'entry',
    'detection mode': 'audit',
    attestation: 'record',
    whitelist: 'allow list',
    blacklist: 'deny list',
    freeze: 'pin',
    uploader: 'Tagseal',
  };

  it.each(Object.entries(INSTEAD))('do not say "%s" but %s', (word) => {
    const pattern = new RegExp(`\\b${word}s?\\b`, 'i');
    const said = documents.flatMap((file) =>
      prose(textOf(file))
        .replaceAll(/`[^`]*`|\]\([^)]*\)/g, '')
        .split('\n')
        .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim().slice(0, 100)}`] : [])),
    );
    expect(said).toEqual([]);
  });
});
