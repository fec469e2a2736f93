import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runProcess } from '../support/start-process.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CRUISE = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');

/** File, what it imports, and the rule that this breaks (none: it is allowed). */
const PLANTED: readonly (readonly [string, string, string | undefined])[] = [
  ['src/check/allowed.ts', '../ledger/leaf.ts', undefined],
  ['src/ledger/allowed.ts', '../reference/leaf.ts', undefined],
  ['src/ledger/hashing.ts', 'node:crypto', undefined],
  ['src/policy/globs.ts', 'picomatch', undefined],
  ['src/compose/allowed.ts', '../rekor/leaf.ts', undefined],
  ['src/reference/up.ts', '../policy/leaf.ts', 'reference-imports-only-reference-errors'],
  ['src/ledger/up.ts', '../check/leaf.ts', 'ledger-imports-only-ledger-reference-errors'],
  ['src/policy/aside.ts', '../ledger/leaf.ts', 'policy-imports-only-policy-reference-errors'],
  ['src/check/out.ts', '../cli/leaf.ts', 'check-imports-only-check-policy-ledger-reference-errors'],
  ['src/cache/domain.ts', '../ledger/leaf.ts', 'cache-imports-only-cache'],
  ['src/proxy/adapter.ts', '../registry/leaf.ts', 'doors-import-no-adapter-and-no-other-door'],
  ['src/cli/door.ts', '../admission/leaf.ts', 'doors-import-no-adapter-and-no-other-door'],
  ['src/proxy/composed.ts', '../compose/leaf.ts', 'only-compose-and-main-import-compose'],
  ['src/registry/other.ts', '../store/leaf.ts', adapterRule('registry')],
  ['src/rekor/other.ts', '../store/leaf.ts', adapterRule('rekor')],
  ['src/store/other.ts', '../rekor/leaf.ts', adapterRule('store')],
  ['src/ledger/disk.ts', 'node:fs', 'pure-folders-use-no-node-module-but-crypto'],
  ['src/check/timer.ts', 'node:timers/promises', 'pure-folders-use-no-node-module-but-crypto'],
  ['src/protocol/network.ts', 'undici', 'pure-folders-use-no-package'],
  ['src/reference/schema.ts', 'zod/mini', 'pure-folders-use-no-package'],
  ['src/store/routes.ts', 'express', 'express-in-doors-and-http-only'],
  ['src/proxy/network.ts', 'undici', 'undici-in-adapters-only'],
  ['src/compose/database.ts', 'pg', 'pg-in-the-store-only'],
  ['src/cache/one.ts', './two.ts', 'no-cycles'],
];

function adapterRule(adapter: string): string {
  const may = ['check', 'protocol', 'policy', 'ledger', 'reference', 'errors', 'observe', 'cache', 'http'];
  return [`${adapter}-imports-only`, adapter, ...may].join('-');
}

/** File -> the rules that it breaks, in a project of planted files with our configuration. */
async function cruisePlanted(): Promise<ReadonlyMap<string, readonly Violation[]>> {
  await using folder = await makeTempFolder();
  await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  for (const name of ['tsconfig.json', '.dependency-cruiser.cjs', 'package.json']) {
    await cp(join(ROOT, name), join(folder.path, name));
  }
  const plant = async (name: string, text: string) => {
    await mkdir(dirname(join(folder.path, name)), { recursive: true });
    await writeFile(join(folder.path, name), text);
  };
  for (const [file, imported] of PLANTED) {
    await plant(file, `import * as imported from '${imported}';\nexport const own = imported;\n`);
    if (imported.endsWith('/leaf.ts')) await plant(join(dirname(file), imported), 'export const leaf = 1;\n');
  }
  await plant('src/cache/two.ts', `import { own } from './one.ts';\nexport const two = own;\n`);
  await plant('src/cache/lonely.ts', 'export const lonely = 1;\n');
  const args = [CRUISE, 'src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const { stdout } = await runProcess(process.execPath, args, { cwd: folder.path });
  const report = JSON.parse(stdout) as { readonly summary: { readonly violations: readonly Violation[] } };
  return Map.groupBy(report.summary.violations, ({ from }) => from);
}

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

describe('the check of the arrows between folders', () => {
  let broken: ReadonlyMap<string, readonly Violation[]>;
  beforeAll(async () => {
    broken = await cruisePlanted();
  });
  const rulesOf = (file: string) => (broken.get(file) ?? []).map(({ rule }) => rule.name);

  const allowed = PLANTED.filter(([, , rule]) => rule === undefined);
  it.each(allowed)('lets %s import %s', (file) => {
    expect(rulesOf(file)).toEqual([]);
  });

  const refused = PLANTED.filter(([, , rule]) => rule !== undefined);
  it.each(refused)('refuses %s importing %s: %s', (file, _imported, rule) => {
    expect(rulesOf(file)).toContain(rule);
  });

  it('refuses a file that nothing uses and that uses nothing', () => {
    expect(rulesOf('src/cache/lonely.ts')).toEqual(['no-orphans']);
  });
});
