import type { AmbientSettings } from './config.ts';
import type { ConfigPlace } from './to-config.ts';
import type { ValueReader } from './value-reader.ts';

const PATH = 'registries.ambientCredentials';
const GOOGLE_METADATA = 'metadata.google.internal';
const ENTRA = 'https://login.microsoftonline.com/';

/** `registries.ambientCredentials`, with what the clouds put into a workload's environment; AWS's own library reads its own. */
export function ambientSettings(
  get: ValueReader,
  { environment, absolute }: Pick<ConfigPlace, 'environment' | 'absolute'>,
): AmbientSettings {
  const clouds = new Set(get.list(PATH));
  const clientId = environment['AZURE_CLIENT_ID'];
  const tenantId = environment['AZURE_TENANT_ID'];
  const tokenFile = environment['AZURE_FEDERATED_TOKEN_FILE'];
  const authority = environment['AZURE_AUTHORITY_HOST'] ?? ENTRA;
  const workload =
    clientId && tenantId && tokenFile
      ? { clientId, tenantId, tokenFile: absolute(tokenFile), authority }
      : undefined;
  return {
    aws: clouds.has('aws'),
    ...(clouds.has('azure') && { azure: { ...(workload && { workload }), ...(clientId && { clientId }) } }),
    ...(clouds.has('google') && {
      google: { metadataHost: environment['GCE_METADATA_HOST'] ?? GOOGLE_METADATA },
    }),
  };
}
