import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { AuthorizedAnswer } from './authorized-send.ts';
import { credentialAdvice, describeCredential } from './credential.ts';
import { badStatus } from './send.ts';

export interface RefusedCall {
  readonly registry: string;
  readonly aim: string;
  /** What a 404 means. */
  readonly unknown: 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN';
}

/** The error for a status that is not the wanted one. */
export function refusalOf({ answer, credential }: AuthorizedAnswer, call: RefusedCall): AppError {
  const { aim, registry, unknown } = call;
  const { status } = answer;
  if (status === 401 || status === 403) {
    return new AppError({
      code: 'REGISTRY_UNAUTHORIZED',
      message: `${aim}: registry ${quote(registry)} answers ${status} ${describeCredential(credential)}; ${credentialAdvice(credential, registry)}`,
    });
  }
  if (status === 404) {
    return new AppError({
      code: unknown,
      message: `${aim}: registry ${quote(registry)} does not have it; check the name, and that it has been pushed`,
    });
  }
  if (status >= 500) return badStatus(aim, answer.url.host, status);
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: ${quote(answer.url.host)} answers ${status}, which says nothing about the image; check that it is a registry`,
  });
}
