import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { LoggedStatement, SignedStatement } from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';
import { fileProblem } from './file-problem.ts';
import type { Runtime } from './ports.ts';
import { toJson } from './render-json.ts';

export interface SavedEvidence {
  readonly directory: string;
  readonly files: readonly string[];
  /** A ready-made `cosign` command line; absent while the binding is not in the log. */
  readonly command?: string;
}

/** Where the evidence of one of several records goes: a folder that no two records share. */
export function evidenceFolder(directory: string, record: TagRecord, several: boolean): string {
  if (!several) return directory;
  return join(
    directory,
    `${record.reference.replaceAll(/[^A-Za-z0-9._-]/g, '_')}-${record.claimId.slice(0, 8)}`,
  );
}

/** Writes statements (exactly their bytes), bundles, key and trust root for other tools. Throws DOCUMENT_INVALID. */
export async function saveEvidence(
  directory: string,
  { claim, binding }: TagRecord,
  { publicKey, trustedRoot }: Runtime['trust'],
): Promise<SavedEvidence> {
  const texts: (readonly [string, string])[] = [
    ...statementFiles('claim', claim),
    ...statementFiles('binding', binding),
    ['tagseal.pub', publicKey],
    ['trusted_root.json', toJson(trustedRoot)],
  ];
  try {
    await mkdir(directory, { recursive: true });
    for (const [name, text] of texts) await writeFile(join(directory, name), text);
  } catch (error) {
    const why = fileProblem(error);
    const message = `cannot save evidence to ${quote(directory)}: ${why}; name a folder that can be written`;
    throw new AppError({ code: 'DOCUMENT_INVALID', message, cause: error });
  }
  const files = texts.map(([name]) => name);
  return { directory, files, ...('bundle' in binding && { command: cosignLine(directory) }) };
}

function statementFiles(
  name: string,
  signed: SignedStatement | LoggedStatement,
): (readonly [string, string])[] {
  const statement = [`${name}.json`, signed.statement] as const;
  return 'bundle' in signed ? [statement, [`${name}.sigstore.json`, toJson(signed.bundle)]] : [statement];
}

function cosignLine(directory: string): string {
  const at = (name: string) => shellWord(join(directory, name));
  return (
    `cosign verify-blob --key ${at('tagseal.pub')} --bundle ${at('binding.sigstore.json')} ` +
    `--trusted-root ${at('trusted_root.json')} ${at('binding.json')}`
  );
}

function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
