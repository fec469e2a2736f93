import type { PullAccess, PullSecrets } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import { quote } from '../errors/quote.ts';
import type { TagReference } from '../reference/reference.ts';
import { ANONYMOUS, describeCredential } from './credential.ts';
import type { Credential } from './credential.ts';
import { candidatesFor } from './pull-secret.ts';
import type { Candidates } from './pull-secret.ts';

export interface AccessQuestion {
  readonly reference: TagReference;
  readonly signal: AbortSignal;
  readonly access: PullAccess | undefined;
}

/** Answers by which a registry hides what the credential may not see: another one may. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['REGISTRY_UNAUTHORIZED', 'MANIFEST_UNKNOWN']);

/** A denial has room for a kilobyte. */
const SHOWN = 3;

/**
 * Asks with each pull secret's credential that is for the image, and at last with our own (`ask` without one). When all are
 * refused, the message says which pull secrets were tried, and which could not be read.
 */
export async function withAccess<Value>(
  { reference, signal, access }: AccessQuestion,
  ask: (credential?: Credential) => Promise<Value>,
): Promise<Value> {
  if (access === undefined) return ask();
  const { registry, repository } = reference;
  const candidates = candidatesFor(await secretsOf(access, signal), registry, repository);
  const tried = await tryEach(candidates.credentials, ask);
  if ('value' in tried) return tried.value;
  if (access.isOnly === true && tried.refused !== undefined) throw tried.refused;
  try {
    return await ask(access.isOnly === true ? ANONYMOUS : undefined);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw withSecrets(tried.refused?.code === 'MANIFEST_UNKNOWN' ? tried.refused : error, candidates);
  }
}

/** The first answer, or the refusal that tells most. */
async function tryEach<Value>(
  credentials: readonly Credential[],
  ask: (credential?: Credential) => Promise<Value>,
): Promise<{ readonly value: Value } | { readonly refused: AppError | undefined }> {
  let refused: AppError | undefined;
  for (const credential of credentials) {
    const answer = await unlessRefused(() => ask(credential));
    if ('value' in answer) return answer;
    // whoever is let in and finds nothing knows more than whoever is not let in
    if (refused?.code !== 'MANIFEST_UNKNOWN') refused = answer.refused;
  }
  return { refused };
}

async function unlessRefused<Value>(
  ask: () => Promise<Value>,
): Promise<{ readonly value: Value } | { readonly refused: AppError }> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (error instanceof AppError && REFUSALS.has(error.code)) return { refused: error };
    throw error;
  }
}

/** Nobody to ask for them is no reason not to try without. */
async function secretsOf(access: PullAccess, signal: AbortSignal): Promise<PullSecrets> {
  try {
    return await access.secrets(signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError) || !error.code.startsWith('KUBERNETES_')) throw error;
    return { secrets: [], unreadable: [{ name: '*', why: error.message }] };
  }
}

function withSecrets(error: AppError, { credentials, unreadable }: Candidates): AppError {
  const tried = credentials.slice(0, SHOWN).map((credential) => `; tried ${describeCredential(credential)}`);
  const broken = unreadable
    .slice(0, SHOWN)
    .map(({ name, why }) => `; pull secret ${quote(name)} cannot be used: ${why}`);
  if (tried.length + broken.length === 0) return error;
  const { code, message, retryAfterSeconds } = error;
  return new AppError({
    code,
    message: `${message}${tried.join('')}${broken.join('')}`,
    cause: error,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}
