import { keyFingerprint, signerFlags } from '../outside-commands.ts';
import type { RecordSigner } from '../ports.ts';
import { TOP_FILES } from './format.ts';

/** A signer of the exported records and, for a key, the file with it. */
export interface NamedSigner {
  readonly signer: RecordSigner;
  readonly file: string;
}

/** Every distinct signer once, in a fixed order. One key is `tagseal.pub`; of several, each is named by its hash. */
export function nameSigners(signers: readonly RecordSigner[]): readonly NamedSigner[] {
  const distinct = new Map(signers.map((signer) => [JSON.stringify(signer), signer]));
  const sorted = [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, signer]) => signer);
  const keys = sorted.filter(({ kind }) => kind === 'key').length;
  return sorted.map((signer) => {
    if (signer.kind === 'keyless') return { signer, file: TOP_FILES.identities };
    const { hex } = keyFingerprint(signer.publicKey);
    return { signer, file: keys === 1 ? TOP_FILES.publicKey : `tagseal-${hex.slice(0, 16)}.pub` };
  });
}

/** How one says to cosign who must have signed, from inside a record's folder. */
export function flagsFor({ signer, file }: NamedSigner): string {
  return signerFlags(signer, `../${file}`);
}
