import { readFile, stat } from 'node:fs/promises';
import * as z from 'zod/mini';
import { quote } from '../../errors/quote.ts';
import { parseBoundedJson } from '../bounded-json.ts';
import { systemCode } from '../../errors/system-code.ts';
import { aborted } from '../transport.ts';
import { MAX_TOKEN_LENGTH, type IdentityToken } from './identity-token.ts';
import { parseServiceUrl, retryAfter, type ServiceAnswer, type ServiceCall } from './service-call.ts';
import { signerAway, signerRefused } from './signer-error.ts';

/** What Fulcio, public and private, expects a token to be made for. */
const AUDIENCE = 'sigstore';
const MAX_ANSWER_BYTES = 65_536;
const ANSWER_LIMITS = { maxBytes: MAX_ANSWER_BYTES, maxDepth: 4 };
const GCP_METADATA = 'http://metadata.google.internal';
const GCP_IDENTITY = '/computeMetadata/v1/instance/service-accounts/default/identity';
const githubAnswer = z.object({ value: z.string() });

export type TokenSource =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'environment'; readonly variable: string; readonly token: string | undefined }
  | {
      readonly kind: 'github';
      /** Values of ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN. */
      readonly requestUrl: string | undefined;
      readonly requestToken: string | undefined;
    }
  | { readonly kind: 'gcp'; /** Of the metadata server, for tests. */ readonly metadataUrl?: string };

/** The tokens of a source. Throws CONFIG_INVALID for a bad address. */
export function makeIdentityToken(source: TokenSource, call: ServiceCall): IdentityToken {
  switch (source.kind) {
    case 'file':
      return fileToken(source.file);
    case 'environment':
      return environmentToken(source);
    case 'github':
      return githubToken(source, call);
    case 'gcp':
      return gcpToken(source.metadataUrl ?? GCP_METADATA, call);
  }
}

/** kubelet puts a new token into the file long before the old one ends. */
function fileToken(file: string): IdentityToken {
  const source = `file ${quote(file)}`;
  const todo = 'mount a service account token with audience "sigstore" there, readable for this user';
  return {
    source,
    async read(signal) {
      let bytes: Uint8Array;
      try {
        // reading anything but a file could wait for ever
        const found = await stat(file);
        if (!found.isFile()) throw missing(source, 'it is no file', todo);
        if (found.size > MAX_TOKEN_LENGTH) throw missing(source, 'it is longer than any token', todo);
        bytes = await readFile(file, { signal });
      } catch (cause) {
        if (signal.aborted) throw aborted(signal, `reading the token in ${source}`);
        const code = systemCode(cause);
        if (code === undefined || code === 'SIGNER_UNAVAILABLE') throw cause;
        throw missing(source, code === 'ENOENT' ? 'there is no such file' : code, todo);
      }
      return notEmpty(Buffer.from(bytes).toString('latin1'), source, todo);
    },
  };
}

function environmentToken({
  variable,
  token,
}: TokenSource & { readonly kind: 'environment' }): IdentityToken {
  const source = `environment variable ${quote(variable)}`;
  const read = async () => notEmpty(token ?? '', source, 'set it to an ID token with audience "sigstore"');
  return { source, read };
}

function githubToken(settings: TokenSource & { readonly kind: 'github' }, call: ServiceCall): IdentityToken {
  const source = 'GitHub Actions';
  const todo = 'give the job the permission "id-token: write"';
  const { requestUrl, requestToken } = settings;
  if (!requestUrl || !requestToken) {
    const read = async () => Promise.reject(missing(source, 'this job may not ask for one', todo));
    return { source, read };
  }
  const url = parseServiceUrl(requestUrl, 'ACTIONS_ID_TOKEN_REQUEST_URL');
  url.searchParams.set('audience', AUDIENCE);
  const headers = { accept: 'application/json', authorization: `bearer ${requestToken}` };
  return {
    source,
    async read(signal) {
      const request = { method: 'GET', url, headers, maxBytes: MAX_ANSWER_BYTES, signal } as const;
      const answer = await call({ ...request, service: source });
      if (answer.status !== 200) throw refusedBy(answer, source, todo);
      return notEmpty(valueOf(answer, source), source, todo);
    },
  };
}

function valueOf({ body }: ServiceAnswer, source: string): string {
  try {
    return z.parse(githubAnswer, parseBoundedJson(body, ANSWER_LIMITS)).value;
  } catch {
    // no cause: the answer may hold a token
    throw signerAway(`cannot get a token from ${source}: its answer holds none; try again later`);
  }
}

/** https://cloud.google.com/compute/docs/instances/verifying-instance-identity; `full` brings the e-mail address. */
function gcpToken(metadataUrl: string, call: ServiceCall): IdentityToken {
  const source = 'the GCP metadata server';
  const todo = 'give this machine or workload a service account';
  const url = new URL(GCP_IDENTITY, parseServiceUrl(metadataUrl, 'the address of the metadata server'));
  url.search = new URLSearchParams({ audience: AUDIENCE, format: 'full' }).toString();
  const headers = { 'metadata-flavor': 'Google' };
  return {
    source,
    async read(signal) {
      const request = { method: 'GET', url, headers, maxBytes: MAX_TOKEN_LENGTH, signal } as const;
      const answer = await call({ ...request, service: source });
      if (answer.status !== 200) throw refusedBy(answer, source, todo);
      if (answer.header('metadata-flavor') !== 'Google') {
        throw signerRefused(
          `cannot get a token from ${source}: something else answers in its place; ${todo}`,
        );
      }
      return notEmpty(Buffer.from(answer.body).toString('latin1'), source, todo);
    },
  };
}

function refusedBy(answer: ServiceAnswer, source: string, todo: string): Error {
  const message = `cannot get a token from ${source}: it answered ${answer.status}`;
  if (answer.status >= 500 || answer.status === 429) {
    return signerAway(`${message}; try again later`, undefined, retryAfter(answer));
  }
  return signerRefused(`${message}; ${todo}`);
}

function notEmpty(text: string, source: string, todo: string): string {
  const token = text.trim();
  if (token === '') throw missing(source, 'it is empty', todo);
  return token;
}

function missing(source: string, why: string, todo: string): Error {
  return signerRefused(`cannot get a token from ${source}: ${why}; ${todo}`);
}
