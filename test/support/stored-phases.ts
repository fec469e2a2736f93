import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordPhase, TagRecord } from '../../src/ledger/record.ts';

/** What a directory store holds now: phase by reference, read beside the program that writes it. */
export async function storedPhases(dataDir: string): Promise<ReadonlyMap<string, RecordPhase>> {
  const records = join(dataDir, 'records');
  const names = await readdir(records, { recursive: true }).catch(() => []);
  const phases = new Map<string, RecordPhase>();
  // `<name>.<version>.json`: a later version replaces an earlier one
  const files = names
    .filter((name) => name.endsWith('.json'))
    .toSorted((a, b) => versionOf(a) - versionOf(b));
  for (const file of files) {
    // gone when a later version has just replaced it
    const text = await readFile(join(records, file), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { reference, phase } = JSON.parse(text) as TagRecord;
    phases.set(reference, phase);
  }
  return phases;
}

function versionOf(file: string): number {
  return Number(/\.(\d+)\.json$/.exec(file)?.[1]);
}
