import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { isApprovalText } from '../ledger/statement.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import { parseTagArgument } from './tag-argument.ts';

/** `REF@DIGEST`: a tag, and what it is to mean. Throws REFERENCE_INVALID. */
export function parseMove(text: string): { readonly reference: TagReference; readonly digest: Digest } {
  const reference = parseTagArgument(text);
  const { digest } = reference;
  if (digest !== undefined) return { reference, digest };
  throw new AppError({
    code: 'REFERENCE_INVALID',
    message: `cannot accept ${quote(text)}: it names no digest; write the digest that the tag points to now, as the refusal prints it: ${reference.canonical}@sha256:...`,
  });
}

/** The text of an option as an approval may say it, trimmed. Throws DOCUMENT_INVALID. */
export function approvalLine(option: string, text: string): string {
  const trimmed = text.trim();
  if (isApprovalText(trimmed)) return trimmed;
  throw new AppError({
    code: 'DOCUMENT_INVALID',
    message: `cannot accept a move: ${option} ${quote(text)} is not one line of 1 to 256 printable characters; write one`,
  });
}
