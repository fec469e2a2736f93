import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { LoggedStatement, SignedStatement } from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';
import { fileProblem } from './file-problem.ts';
import { cosignLine, rekorCliLine } from './outside-commands.ts';
import type { RecordSigner, Trust } from './ports.ts';
import { toJson } from './render-json.ts';

const PUBLIC_KEY = 'tagseal.pub';
const TRUSTED_ROOT = 'trusted_root.json';

export interface SavedEvidence {
  readonly directory: string;
  readonly files: readonly string[];
  /** A ready-made `cosign` command line; absent while the binding is not in the log. */
  readonly command?: string;
  /** That one, and on Rekor v1 a `rekor-cli` one. */
  readonly commands: readonly string[];
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
  record: TagRecord,
  trust: Trust,
): Promise<SavedEvidence> {
  const signer = trust.signerOf(record.binding.verifier);
  const texts: (readonly [string, string])[] = [
    ...statementFiles('claim', record.claim),
    ...statementFiles('binding', record.binding),
    ...approvalFiles(record),
    ...(signer.kind === 'key' ? [[PUBLIC_KEY, signer.publicKey] as const] : []),
    [TRUSTED_ROOT, toJson(trust.trustedRoot)],
  ];
  try {
    await mkdir(directory, { recursive: true });
    for (const [name, text] of texts) await writeFile(join(directory, name), text);
  } catch (error) {
    const why = fileProblem(error);
    const message = `cannot save evidence to ${quote(directory)}: ${why}; name a folder that can be written`;
    throw new AppError({ code: 'DOCUMENT_INVALID', message, cause: error });
  }
  const commands = commandsFor(directory, { record, signer, trustedRoot: trust.trustedRoot });
  const files = texts.map(([name]) => name);
  const [command] = commands;
  return { directory, files, ...(command !== undefined && { command }), commands };
}

/** A statement's exact bytes and, where it is logged, its bundle. */
export function statementFiles(
  name: string,
  signed: SignedStatement | LoggedStatement,
): (readonly [string, string])[] {
  const statement = [`${name}.json`, signed.statement] as const;
  return 'bundle' in signed ? [statement, [`${name}.sigstore.json`, toJson(signed.bundle)]] : [statement];
}

/** An approval is not in the log, so its signature has no bundle to be in. */
function approvalFiles({ approval }: TagRecord): (readonly [string, string])[] {
  if (approval === undefined) return [];
  return [
    ['approval.json', approval.statement],
    ['approval.sig', `${approval.signature}\n`],
  ];
}

interface Saved {
  readonly record: TagRecord;
  readonly signer: RecordSigner;
  readonly trustedRoot: Trust['trustedRoot'];
}

function commandsFor(directory: string, { record, signer, trustedRoot }: Saved): readonly string[] {
  const { binding, log } = record;
  if (!('bundle' in binding)) return [];
  const files = {
    publicKey: join(directory, PUBLIC_KEY),
    trustedRoot: join(directory, TRUSTED_ROOT),
    bundle: join(directory, 'binding.sigstore.json'),
    statement: join(directory, 'binding.json'),
  };
  const cosign = cosignLine(signer, trustedRoot, files);
  return log?.kind === 'rekor-v1' ? [cosign, rekorCliLine(log.url, files.statement)] : [cosign];
}
