import { spawn } from 'node:child_process';
import { z } from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { ANONYMOUS } from './credential.ts';
import type { Credential } from './credential.ts';

/** Asks `docker-credential-NAME` for the credential of a server, as docker does. Throws CREDENTIALS_INVALID. */
export type AskHelper = (name: string, server: string, signal: AbortSignal) => Promise<Credential>;

/** Milliseconds; helpers of clouds ask their own services. */
const TIMEOUT = 10_000;
const MAX_OUTPUT = 64 * 1024;
/** What helpers print, with exit status 1, when they hold nothing for the server. */
const NOT_FOUND = 'credentials not found in native keychain';

const answerSchema = z.object({ Username: z.string(), Secret: z.string().check(z.minLength(1)) });

interface Run {
  readonly status: number | null;
  readonly stdout: string;
}

/** What a helper sees and where it is looked for; by default what this process sees. */
export type HelperEnvironment = Readonly<Record<string, string>>;

/** The helper protocol: `get` as argument, the server on stdin, JSON on stdout. `name` is allow-listed by the parser. */
export function makeAskHelper(environment?: HelperEnvironment): AskHelper {
  return async (name, server, signal) => {
    const program = `docker-credential-${name}`;
    return toCredential(program, server, await run(program, server, signal, environment));
  };
}

function toCredential(program: string, server: string, { status, stdout }: Run): Credential {
  if (status !== 0) {
    if (stdout.trim() === NOT_FOUND) return ANONYMOUS;
    throw failed(program, server, `it ended with status ${status ?? 'unknown'}`);
  }
  const answer = answerSchema.safeParse(parse(stdout));
  if (!answer.success) throw failed(program, server, 'its output is not the JSON of a credential helper');
  const { Username: username, Secret: secret } = answer.data;
  const source = `the credentials for ${quote(server)} from ${quote(program)}`;
  if (username === '<token>') return { kind: 'identityToken', token: secret, source };
  return { kind: 'basic', username, password: secret, source };
}

function run(
  program: string,
  server: string,
  signal: AbortSignal,
  environment: HelperEnvironment | undefined,
): Promise<Run> {
  // not spawn's own timeout, which keeps its timer when the program is missing
  const limited = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
  return new Promise((resolve, reject) => {
    // stderr is not read at all: it could hold secrets
    const child = spawn(program, ['get'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      killSignal: 'SIGKILL',
      signal: limited,
      ...(environment === undefined ? {} : { env: environment }),
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > MAX_OUTPUT) child.kill('SIGKILL');
    });
    child.once('error', (error) => {
      const why = limited.aborted ? 'its time is over' : 'it does not start; check that it is on the PATH';
      reject(failed(program, server, why, error));
    });
    child.once('close', (status) => resolve({ status, stdout: Buffer.concat(chunks).toString('utf8') }));
    // a helper may end without reading
    child.stdin.on('error', () => undefined);
    child.stdin.end(server);
  });
}

function parse(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    // the schema refuses it next; the text itself may be a secret and must not travel in a cause
    return undefined;
  }
}

function failed(program: string, server: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'CREDENTIALS_INVALID',
    message: `cannot get credentials for ${quote(server)}: ${quote(program)}: ${why}; run it by hand with "get" to see more`,
    cause,
  });
}
