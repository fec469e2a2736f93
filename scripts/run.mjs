// The one runner behind every npm script. It must start on any Node from 20 on, with nothing installed:
// it installs the locked dependencies when they are missing or old, then goes on with the Node 24 among them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const [script = '', ...args] = process.argv.slice(2);

function fail(message, code = 2) {
  console.error(message);
  process.exit(code);
}

function isInstalled() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function install() {
  console.error('installing dependencies (npm ci) ...');
  const npm = process.env.npm_execpath;
  const command = npm === undefined ? ['npm', 'ci'] : [process.execPath, npm, 'ci'];
  const done = spawnSync(command[0], command.slice(1), { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.status !== 0) fail('npm ci failed: see above', done.status ?? 1);
}

/** Runs one program of node_modules on the project's own Node; ends this process when it fails. */
function run(file, ...rest) {
  const done = spawnSync(join(bin, 'node'), ['--disable-warning=ExperimentalWarning', file, ...rest], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
  });
  if (done.error) fail(`cannot start ${file}: ${done.error.message}`, 1);
  if (done.status !== 0) process.exit(done.status ?? 1);
}

const module = (path) => join('node_modules', ...path.split('/'));

function jest(config, ...rest) {
  const done = spawnSync(
    join(bin, 'node'),
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      module('jest/bin/jest.js'),
      '--config',
      config,
      ...rest,
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
    },
  );
  if (done.status !== 0) process.exit(done.status ?? 1);
}

const build = () => run('scripts/build.mjs');

const scripts = {
  check() {
    run(module('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.');
    run(module('eslint/bin/eslint.js'), '.');
    run(module('typescript/bin/tsc'), '--noEmit');
    run(
      module('dependency-cruiser/bin/dependency-cruiser.mjs'),
      'src',
      '--config',
      '.dependency-cruiser.cjs',
    );
  },
  format: () => run(module('prettier/bin/prettier.cjs'), '--write', '--log-level', 'warn', '.'),
  docs: () => run('scripts/write-docs.ts'),
  manifests: () => run('scripts/write-manifests.ts'),
  test() {
    build();
    jest('jest.config.js', ...args);
  },
  e2e() {
    build();
    const suites = args.filter((arg) => !arg.startsWith('-'));
    const flags = args.filter((arg) => arg.startsWith('-'));
    const unknown = suites.filter((name) => !existsSync(join(root, 'test', 'e2e', name)));
    if (unknown.length > 0)
      fail(`no e2e suite ${unknown.join(', ')}: there are folders of that name in test/e2e`);
    run('test/e2e/stack/ensure.ts', ...suites);
    jest('jest.e2e.config.js', ...flags, ...suites.map((name) => `test/e2e/${name}/`));
  },
  build,
  tools: () => run('test/e2e/stack/ensure.ts', '--built', ...args),
  tagseal() {
    if (!existsSync(join(root, 'dist', 'tagseal.cjs'))) build();
    run('dist/tagseal.cjs', ...args);
  },
  demo() {
    build();
    run('scripts/demo.ts', ...args);
  },
  'demo:cluster'() {
    build();
    run('test/e2e/stack/ensure.ts', 'cluster');
    run('scripts/demo-cluster.ts', ...args);
  },
  bench() {
    build();
    const [name = ''] = args;
    if (!existsSync(join(root, 'bench', `${name}.ts`)))
      fail(`usage: npm run bench -- admission|fuzz|proxy|tail|verify (a file of bench/)`);
    run(`bench/${name}.ts`, ...args.slice(1));
  },
};

if (!Object.hasOwn(scripts, script))
  fail(`unknown script ${script}: one of ${Object.keys(scripts).join(', ')}`);
if (!isInstalled()) install();
if (!existsSync(join(bin, 'node'))) {
  fail(
    `the npm package "node" brought no program for ${process.platform}-${process.arch}: ` +
      `was npm told to ignore scripts? (${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node})`,
  );
}
scripts[script]();
