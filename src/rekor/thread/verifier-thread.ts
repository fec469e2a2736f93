import { Worker } from 'node:worker_threads';
import { AppError } from '../../errors/app-error.ts';
import type { Logger } from '../../observe/log.ts';
import type { EvidenceVerifier } from '../../protocol/ports.ts';
import { makeEvidenceVerifier, type EvidenceTrust } from '../verify-bundle.ts';
import { fromFailure, parseEntry, parseOwn, parseReply, type Question } from './messages.ts';
import { superviseWorker } from './supervised-worker.ts';
import { VERIFIER_MODULE, type VerifierThreadData } from './verifier-worker.ts';
import { makeWaitingRoom } from './waiting.ts';

/** A second of work, or less. */
const MAX_WAITING = 1_024;
/** Thousands of times what one record takes. */
const TIME_LIMIT_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_HEAP_MB = 128;

/** An EvidenceVerifier whose slow parts run in a thread of their own; it must be closed. */
export interface VerifierThread extends EvidenceVerifier {
  close(): Promise<void>;
}

export interface VerifierThreadOptions {
  readonly trust: EvidenceTrust;
  readonly logger: Logger;
  /** Questions that may wait; more are refused at once. */
  readonly maxWaiting?: number;
  /** From one answer to the next while somebody waits; after it the thread is taken to hang. */
  readonly timeLimitMs?: number;
  /** Before the first restart of a thread that stopped. */
  readonly firstPauseMs?: number;
  /** What the thread loads. */
  readonly module?: URL | string;
}

/**
 * Starts a thread that verifies, and resolves once it can. Whoever asks while it is overwhelmed, hangs, has died or is
 * starting again gets DEADLINE_EXCEEDED: an answer is never made up. Throws KEY_INVALID, INTERNAL.
 */
export async function startVerifierThread(options: VerifierThreadOptions): Promise<VerifierThread> {
  const { trust, logger, firstPauseMs = FIRST_PAUSE_MS, module = VERIFIER_MODULE } = options;
  // bodies are looked through where they are read: sending them would take longer
  const local = makeEvidenceVerifier(trust);
  const room = makeWaitingRoom({
    max: options.maxWaiting ?? MAX_WAITING,
    timeLimitMs: options.timeLimitMs ?? TIME_LIMIT_MS,
    onTimeout: () => worker.kill(),
  });
  const worker = await superviseWorker({
    spawn: () => spawn(module, { role: 'tagseal.verifier', trust }),
    onMessage(message: unknown): void {
      const reply = parseReply(message);
      // whatever that is, it is no verifier
      if (reply === undefined) {
        worker.kill();
        return;
      }
      const waiting = room.answered(reply.id);
      if (reply.error === undefined) waiting?.resolve(reply.value);
      else waiting?.reject(fromFailure(reply.error));
    },
    onStop: () => room.empty(away('the verifier stopped before it had an answer')),
    logger,
    firstPauseMs,
  });

  function ask(question: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (room.isFull()) throw away('too much evidence is waiting to be verified');
      const id = room.enter({ resolve, reject });
      try {
        if (!worker.post({ id, ...question })) throw away('the verifier is starting again');
      } catch (error) {
        room.leave(id);
        throw error instanceof AppError ? error : unsendable(error);
      }
    });
  }

  return {
    async verifySignature(signed) {
      await ask({ ask: 'verifySignature', signed });
    },
    verify: async (logged) => parseEntry(await ask({ ask: 'verify', logged })),
    // a copy of its own: a body is a view into a whole tile, all of which would be sent
    own: async (statement, body) =>
      parseOwn(await ask({ ask: 'own', statement, body: Uint8Array.from(body) })),
    leafHash: (signed) => local.leafHash(signed),
    candidate: (body) => local.candidate(body),
    close: () => worker.close(),
  };
}

function spawn(module: URL | string, workerData: VerifierThreadData): Worker {
  const resourceLimits = { maxOldGenerationSizeMb: MAX_HEAP_MB };
  return new Worker(module, {
    eval: typeof module === 'string',
    name: 'verifier',
    workerData,
    resourceLimits,
  });
}

function away(why: string): AppError {
  return new AppError({
    code: 'DEADLINE_EXCEEDED',
    message: `cannot verify the evidence now: ${why}; try again`,
    retryAfterSeconds: 1,
  });
}

function unsendable(cause: unknown): AppError {
  const message =
    'cannot accept the record: its evidence is not plain data; restore the record, or have it made anew';
  return new AppError({ code: 'RECORD_INVALID', message, cause });
}
