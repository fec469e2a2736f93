import { Agent } from 'undici';
import type { Clock } from '../../protocol/ports.ts';
import type { CredentialSource } from '../credential.ts';
import { makeAmbientCredentials, type AskCloud } from './ambient-credentials.ts';
import { askEcr, makeAskAws } from './aws.ts';
import { makeAskAzure, type AzureIdentity } from './azure.ts';
import { makeCloudCall } from './cloud-call.ts';
import { makeAskGoogle } from './google.ts';

export interface AmbientClouds {
  readonly aws: boolean;
  readonly azure?: AzureIdentity;
  readonly google?: { readonly metadataHost: string };
}

/** The clouds that may be asked. */
export interface Ambient {
  /** The same credentials, and those of a cloud where `written` has none. */
  over(written: CredentialSource): CredentialSource;
  close(): Promise<void>;
}

const TIMEOUTS_MS = { connect: { timeout: 3_000 }, headersTimeout: 10_000, bodyTimeout: 5_000 };

export function openAmbient({ aws, azure, google }: AmbientClouds, clock: Clock): Ambient {
  const agent = new Agent(TIMEOUTS_MS);
  const call = makeCloudCall(agent);
  const clouds: { aws?: AskCloud; azure?: AskCloud; google?: AskCloud } = {
    ...(aws && { aws: makeAskAws(askEcr, clock) }),
    ...(azure && { azure: makeAskAzure(call, azure) }),
    ...(google && { google: makeAskGoogle(call, google.metadataHost) }),
  };
  const isAny = Object.keys(clouds).length > 0;
  return {
    over: (written) => (isAny ? makeAmbientCredentials({ written, clouds, clock }) : written),
    close: () => agent.close(),
  };
}
