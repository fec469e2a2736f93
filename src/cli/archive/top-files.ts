import { cosignLine, rekorCliLine } from '../outside-commands.ts';
import type { Trust } from '../ports.ts';
import { printable } from '../printable.ts';
import { toJson } from '../render-json.ts';
import { TOP_FILES } from './format.ts';
import type { NamedSigner } from './signers.ts';

export interface Exported {
  readonly signers: readonly NamedSigner[];
  /** Of the v1 logs that records are in. */
  readonly rekorUrls: readonly string[];
  readonly trustedRoot: Trust['trustedRoot'];
}

/** What other tools need beside the records. */
export function topFiles(exported: Exported): readonly (readonly [string, string])[] {
  const { signers, trustedRoot } = exported;
  const keys = signers.flatMap(({ signer, file }) =>
    signer.kind === 'key' ? [[file, signer.publicKey] as const] : [],
  );
  const identities = signers.flatMap(({ signer }) =>
    signer.kind === 'keyless' ? [{ identity: signer.identity, issuer: signer.issuer }] : [],
  );
  return [
    [TOP_FILES.trustedRoot, toJson(trustedRoot)],
    ...keys,
    ...(identities.length > 0 ? [[TOP_FILES.identities, toJson(identities)] as const] : []),
    [TOP_FILES.readme, readme(exported)],
  ];
}

function readme({ signers, rekorUrls, trustedRoot }: Exported): string {
  const lines = signers.map(({ signer, file }) =>
    cosignLine(signer, trustedRoot, {
      publicKey: `../${file}`,
      trustedRoot: `../${TOP_FILES.trustedRoot}`,
      bundle: 'binding.sigstore.json',
      statement: 'binding.json',
    }),
  );
  const searches = rekorUrls.map((url) => rekorCliLine(url, 'binding.json'));
  return [
    'Records of Tagseal: which digest an image tag means, with the evidence.',
    '',
    'Each folder t-... is one record: claim.json ("this tag is taken") and binding.json ("by this digest") are the',
    'signed statements, byte for byte; *.sigstore.json are their Sigstore bundles; approval.json, where there is one,',
    'says who accepted a moved tag; record.json is the rest.',
    '',
    'To check a record with cosign 3, offline, in its folder' +
      (lines.length > 1 ? ', with the line of the signer who made it:' : ':'),
    '',
    ...lines.map((line) => `  ${printable(line)}`),
    ...(searches.length === 0
      ? []
      : ['', 'To look it up in the log:', '', ...searches.map((line) => `  ${printable(line)}`)]),
    '',
    'Whom to trust must not come from this archive: get the public key or the identity, and trusted_root.json, from',
    'those who run Tagseal and the log, and compare. To read the archive back: tagseal import FILE',
    '',
  ].join('\n');
}
