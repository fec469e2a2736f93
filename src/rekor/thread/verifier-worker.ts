import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { toAppError } from '../../errors/app-error.ts';
import type { EvidenceVerifier } from '../../protocol/ports.ts';
import { makeEvidenceVerifier, type EvidenceTrust } from '../verify-bundle.ts';
import { READY, toFailure, type Question, type Request } from './messages.ts';

/** What a verifier thread is started with; the role tells it from every other thread of the program. */
export interface VerifierThreadData {
  readonly role: 'tagseal.verifier';
  readonly trust: EvidenceTrust;
}

/** Set by the build: the text of this module with all that it needs, a twentieth of the program. */
declare const VERIFIER_SOURCE: string | undefined;

/** What a verifier thread loads: this module, in the bundle as text, since there every module is in one file. */
export const VERIFIER_MODULE: URL | string =
  typeof VERIFIER_SOURCE === 'string' ? VERIFIER_SOURCE : new URL(import.meta.url);

/** Answers each question on the port, in order. */
export function serveVerifier(port: MessagePort, trust: EvidenceTrust): void {
  const verifier = makeEvidenceVerifier(trust);
  const answer = async ({ id, ...question }: Request) => {
    try {
      port.postMessage({ id, value: await ask(verifier, question) });
    } catch (error) {
      port.postMessage({ id, error: toFailure(toAppError(error)) });
    }
  };
  port.on('message', (request: Request) => void answer(request));
  port.postMessage(READY);
}

function ask(verifier: EvidenceVerifier, question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'verifySignature':
      return verifier.verifySignature(question.signed);
    case 'verify':
      return verifier.verify(question.logged);
    case 'own':
      return verifier.own(question.statement, question.body);
  }
}

function isOurs(data: unknown): data is VerifierThreadData {
  return typeof data === 'object' && data !== null && 'role' in data && data.role === 'tagseal.verifier';
}

// the one module that works when it is loaded: a thread is nothing but a module that is loaded
if (!isMainThread && parentPort !== null && isOurs(workerData)) serveVerifier(parentPort, workerData.trust);
