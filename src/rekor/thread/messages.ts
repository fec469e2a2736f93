import * as z from 'zod/mini';
import { AppError } from '../../errors/app-error.ts';
import { ERROR_CODES } from '../../errors/code.ts';
import type { LoggedStatement, SignedStatement, VerifiedEntry } from '../../ledger/evidence.ts';

/** What a verifier thread is asked; its answers carry the same number. */
export type Request = { readonly id: number } & Question;

export type Question =
  | { readonly ask: 'verifySignature'; readonly signed: SignedStatement }
  | { readonly ask: 'verify'; readonly logged: LoggedStatement }
  | { readonly ask: 'own'; readonly statement: string; readonly body: Uint8Array };

const failure = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  retryAfterSeconds: z.optional(z.number()),
  cause: z.optional(z.string()),
});
const reply = z.union([
  z.object({ id: z.number(), value: z.unknown(), error: z.optional(z.undefined()) }),
  z.object({ id: z.number(), error: failure }),
]);

const verifiedEntry = z.object({
  logIndex: z.number(),
  logId: z.string(),
  uuid: z.string(),
  checkpoint: z.string(),
  integratedTime: z.exactOptional(z.number()),
});
const signedStatement = z.object({
  statement: z.string(),
  signature: z.string(),
  verifier: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('publicKey'), spki: z.string() }),
    z.object({ kind: z.literal('certificate'), der: z.string() }),
  ]),
  timestamp: z.exactOptional(z.string()),
});

export type Reply = z.infer<typeof reply>;
export type Failure = z.infer<typeof failure>;

/** The first thing that a thread says, once it can verify. */
export const READY = 'ready';

/** Undefined for what no verifier thread says. */
export function parseReply(message: unknown): Reply | undefined {
  return z.safeParse(reply, message).data;
}

/** What `verify` answers. Throws ZodError. */
export function parseEntry(value: unknown): VerifiedEntry {
  return z.parse(verifiedEntry, value);
}

/** What `own` answers. Throws ZodError. */
export function parseOwn(value: unknown): SignedStatement | undefined {
  return z.parse(z.optional(signedStatement), value);
}

/** An error as it can be sent: classes do not survive the way between threads. */
export function toFailure(error: AppError): Failure {
  const { code, message, retryAfterSeconds, cause } = error;
  return {
    code,
    message,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(cause instanceof Error && { cause: `${cause.name}: ${cause.message}` }),
  };
}

export function fromFailure({ code, message, retryAfterSeconds, cause }: Failure): AppError {
  return new AppError({
    code,
    message,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(cause !== undefined && { cause: new Error(cause) }),
  });
}
