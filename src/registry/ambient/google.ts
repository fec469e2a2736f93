import { z } from 'zod/mini';
import type { CloudCall } from './cloud-call.ts';
import type { AskCloud } from './ambient-credentials.ts';

const SERVICE = 'the metadata server of Google Cloud';
const TOKEN = '/computeMetadata/v1/instance/service-accounts/default/token';
const answerSchema = z.object({
  access_token: z.string().check(z.minLength(1), z.maxLength(16_384)),
  expires_in: z.number(),
});

/**
 * The access token of the machine's or workload's service account.
 * https://cloud.google.com/artifact-registry/docs/docker/authentication#token
 */
export function makeAskGoogle(call: CloudCall, metadataHost: string): AskCloud {
  const url = new URL(TOKEN, `http://${metadataHost}`);
  return async (_, signal) => {
    const wish = { service: SERVICE, url, headers: { 'metadata-flavor': 'Google' } };
    const { access_token: password, expires_in: seconds } = await call(wish, answerSchema, signal);
    return { username: 'oauth2accesstoken', password, seconds, service: SERVICE };
  };
}
