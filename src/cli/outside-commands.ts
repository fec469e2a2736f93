import { createHash, createPublicKey } from 'node:crypto';
import type { RecordSigner, Trust } from './ports.ts';
import { shellWord } from './shell-word.ts';

/** Flags by which cosign knows the signer; `publicKeyFile` is where its key was written. */
export function signerFlags(signer: RecordSigner, publicKeyFile: string): string {
  if (signer.kind === 'key') return `--key ${shellWord(publicKeyFile)}`;
  const { identity, issuer } = signer;
  return `--certificate-identity ${shellWord(identity)} --certificate-oidc-issuer ${shellWord(issuer)}`;
}

export interface SavedFiles {
  readonly publicKey: string;
  readonly trustedRoot: string;
  readonly bundle: string;
  readonly statement: string;
}

/** A `cosign` 3 command line that checks one statement, offline. */
export function cosignLine(
  signer: RecordSigner,
  trustedRoot: Trust['trustedRoot'],
  files: SavedFiles,
): string {
  // a CA without CT log puts no SCT into its certificates; where there is one, the SCT must be checked
  const noSct = signer.kind === 'keyless' && !hasCtLog(trustedRoot) ? ' --insecure-ignore-sct' : '';
  return (
    `cosign verify-blob ${signerFlags(signer, files.publicKey)} --bundle ${shellWord(files.bundle)} ` +
    `--trusted-root ${shellWord(files.trustedRoot)}${noSct} ${shellWord(files.statement)}`
  );
}

/** A `rekor-cli` command line that asks a v1 log for every entry over the statement. */
export function rekorCliLine(logUrl: string, statement: string): string {
  return `rekor-cli search --rekor_server ${shellWord(logUrl)} --sha "$(sha256sum < ${shellWord(statement)} | cut -d ' ' -f 1)"`;
}

/** SHA-256 over the SubjectPublicKeyInfo: hex, as `openssl` prints it, and base64, as a bundle names its key. */
export function keyFingerprint(publicKeyPem: string): { readonly hex: string; readonly hint: string } {
  const der = createPublicKey(publicKeyPem).export({ format: 'der', type: 'spki' });
  const hash = createHash('sha256').update(der).digest();
  return { hex: hash.toString('hex'), hint: hash.toString('base64') };
}

function hasCtLog({ ctlogs }: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(ctlogs) && ctlogs.length > 0;
}
