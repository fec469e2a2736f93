import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { runProcess } from '../../support/start-process.ts';
import { buildReplacing } from './install-module.ts';
import { alone } from './alone.ts';
import { DEBIAN_TOOLS, GO_TOOLS, type DebianToolName, type GoTool, type GoToolName } from './tools.ts';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tagseal-stack');

/** Where Debian puts the CNI plugins. */
export const CNI_PLUGINS = '/usr/lib/cni';

/** Path of a Go program that `ensureGo` has built. */
export function goTool(name: GoToolName): string {
  const tool = GO_TOOLS[name];
  return join(folderOf(tool), tool.program);
}

/** Folder of the module that a Go program comes from, with its other files. */
export async function goModule(name: GoToolName): Promise<string> {
  const { package: path, version } = GO_TOOLS[name];
  const module = path.split('/').slice(0, 3).join('/');
  const { stdout, stderr, code } = await runProcess('go', [
    'mod',
    'download',
    '-json',
    `${module}@${version}`,
  ]);
  if (code !== 0) throw new Error(`go mod download ${module}@${version} failed:\n${stderr}`);
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

/** Path of a program on PATH, or undefined. */
export function onPath(program: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    CNI_PLUGINS,
    ...postgresFolders(),
  ];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Debian keeps the server's programs of each version beside the PATH; the newest first. */
function postgresFolders(): readonly string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, 'bin'));
}

/** Builds the program unless the cache has it, or waits for the process that is building it. */
export function ensureGo(name: GoToolName): void {
  if (existsSync(goTool(name))) return;
  alone(folderOf(GO_TOOLS[name]), () => {
    if (!existsSync(goTool(name))) buildGo(GO_TOOLS[name]);
  });
}

function buildGo(tool: GoTool): void {
  if (onPath('go') === undefined) {
    throw new Error(
      `${tool.name} ${tool.version} is built with Go, and there is no "go" on the PATH: install Go 1.26 or newer`,
    );
  }
  say(`building ${tool.name} ${tool.version} (once; some minutes) ...`);
  const folder = folderOf(tool);
  const aside = `${folder}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  const { replacing } = tool;
  if (replacing === undefined) installGo(tool, aside);
  else buildReplacing({ ...tool, replacing }, aside, run);
  // a whole folder or none: an interrupted build leaves nothing under the final name
  renameSync(aside, folder);
}

function installGo(tool: GoTool, folder: string): void {
  const tags = tool.tags === undefined ? [] : ['-tags', tool.tags];
  run('go', ['install', '-trimpath', '-ldflags', '-s -w', ...tags, `${tool.package}@${tool.version}`], {
    env: { GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '-p=2' },
  });
}

/** Installs the Debian packages of the programs that are missing. */
export function ensureDebian(programs: readonly DebianToolName[]): void {
  const missing = programs.filter((program) => onPath(program) === undefined);
  const packages = [...new Set(missing.map((program) => DEBIAN_TOOLS[program]))];
  if (packages.length === 0) return;
  if (process.getuid?.() !== 0 || onPath('apt-get') === undefined) {
    throw new Error(
      `these programs are missing: ${missing.join(', ')}; install them (Debian: apt-get install ${packages.join(' ')})`,
    );
  }
  say(`installing Debian packages ${packages.join(', ')} ...`);
  if (packages.includes('postgresql')) withoutMainCluster();
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env: { DEBIAN_FRONTEND: 'noninteractive', UCF_FORCE_CONFFOLD: '1' },
  });
}

/** The package would make and start a server of its own; the suites start theirs. */
function withoutMainCluster(): void {
  const folder = '/etc/postgresql-common';
  const file = join(folder, 'createcluster.conf');
  if (existsSync(file)) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, 'create_main_cluster = false\n');
}

function folderOf({ name, version }: GoTool): string {
  return join(CACHE, `${name}-${version}`);
}

function run(
  command: string,
  args: readonly string[],
  { env = {}, cwd }: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): string {
  const done = spawnSync(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...(cwd !== undefined && { cwd }),
  });
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${done.stderr.slice(-4000)}`);
  return done.stdout;
}

function say(text: string): void {
  console.error(`e2e: ${text}`);
}
