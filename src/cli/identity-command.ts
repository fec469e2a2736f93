import { EXIT } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import { keyFingerprint, signerFlags } from './outside-commands.ts';
import type { SignerIdentity } from './ports.ts';
import { printable } from './printable.ts';
import { toJson } from './render-json.ts';
import { renderFacts } from './render-table.ts';
import type { Session } from './session.ts';

const PUBLIC_KEY_FILE = 'tagseal.pub';

/** Who signs the records, with what others need to know it by. */
export async function showIdentity({ runtime, options, signal }: Session): Promise<Outcome> {
  const signer = await runtime.identity(signal);
  const stdout = options.output === 'json' ? toJson(identityJson(signer)) : story(signer);
  return { code: EXIT.ok, stdout };
}

function identityJson(signer: SignerIdentity): object {
  const cosignFlags = signerFlags(signer, PUBLIC_KEY_FILE);
  if (signer.kind === 'keyless') return { ...signer, cosignFlags };
  const { hex, hint } = keyFingerprint(signer.publicKey);
  return { ...signer, fingerprint: `sha256:${hex}`, hint, cosignFlags };
}

function story(signer: SignerIdentity): string {
  const flags = `cosign flags:\n  ${printable(signerFlags(signer, PUBLIC_KEY_FILE))}\n`;
  if (signer.kind === 'key') {
    const { hex, hint } = keyFingerprint(signer.publicKey);
    const facts = [['fingerprint', `sha256:${hex}`] as const, ['key hint', hint] as const];
    return `${renderFacts('signer: key', facts)}\n${signer.publicKey.trimEnd()}\n\n${flags}`;
  }
  const { identity, issuer, notBefore, notAfter, tokenSource, fulcioUrl, pinned } = signer;
  const facts = renderFacts('signer: keyless', [
    ['identity', identity],
    ['issuer', issuer],
    ['certificate', `valid from ${notBefore} to ${notAfter}`],
    ['from', fulcioUrl],
    ['token', tokenSource],
    [
      'pinned',
      pinned ? 'yes, by signer.identity and signer.issuer' : 'no: any identity of this token is taken',
    ],
  ]);
  // JSON strings are YAML strings, whatever they hold
  const settings = `signer:\n  identity: ${text(identity)}\n  issuer: ${text(issuer)}\n`;
  return `${facts}\n${pinned ? '' : `settings that pin it:\n${indent(settings)}\n`}${flags}`;
}

function text(value: string): string {
  return printable(JSON.stringify(value));
}

function indent(lines: string): string {
  return lines.replaceAll(/^(?=.)/gm, '  ');
}
