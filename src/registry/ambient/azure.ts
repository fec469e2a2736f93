import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod/mini';
import type { AskCloud } from './ambient-credentials.ts';
import { noCredential, type CloudCall } from './cloud-call.ts';

/** What the mutating webhook of Azure Workload Identity puts into a Pod's environment. */
export interface AzureWorkload {
  /** `https://login.microsoftonline.com/` */
  readonly authority: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly tokenFile: string;
}

export interface AzureIdentity {
  /** Absent: the managed identity of the machine. */
  readonly workload?: AzureWorkload;
  /** Of a managed identity, where the machine has several. */
  readonly clientId?: string;
  /** Of the metadata service. */
  readonly metadataUrl?: string;
}

const RESOURCE = 'https://containerregistry.azure.net/';
const METADATA = 'http://169.254.169.254';
const METADATA_SERVICE = 'the metadata service of Azure';
const ENTRA = 'Microsoft Entra ID';
/** The user of whoever shows a refresh token as password. */
const TOKEN_USER = '00000000-0000-0000-0000-000000000000';
/** A refresh token lives for three hours. */
const REFRESH_SECONDS = 3 * 3600;
const MAX_TOKEN = 16_384;
const token = z.string().check(z.minLength(1), z.maxLength(MAX_TOKEN));
const accessSchema = z.object({ access_token: token });
const refreshSchema = z.object({ refresh_token: token });

/** https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md: an access token of the identity is exchanged at the registry. */
export function makeAskAzure(call: CloudCall, identity: AzureIdentity): AskCloud {
  const { workload, clientId, metadataUrl = METADATA } = identity;

  async function accessToken(signal: AbortSignal): Promise<string> {
    const wish = workload === undefined ? machineWish() : await workloadWish(workload, signal);
    return (await call(wish, accessSchema, signal)).access_token;
  }

  function machineWish() {
    const url = new URL('/metadata/identity/oauth2/token', metadataUrl);
    url.search = new URLSearchParams({
      'api-version': '2018-02-01',
      resource: RESOURCE,
      ...(clientId !== undefined && { client_id: clientId }),
    }).toString();
    return { service: METADATA_SERVICE, url, headers: { metadata: 'true' } };
  }

  return async (registry, signal) => {
    const access = await accessToken(signal);
    const wish = {
      service: `the registry ${registry}`,
      url: new URL('/oauth2/exchange', `https://${registry}`),
      form: { grant_type: 'access_token', service: registry, access_token: access },
    };
    const { refresh_token: password } = await call(wish, refreshSchema, signal);
    return { username: TOKEN_USER, password, seconds: REFRESH_SECONDS, service: ENTRA };
  };
}

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, with a federated credential */
async function workloadWish(
  { authority, tenantId, clientId, tokenFile }: AzureWorkload,
  signal: AbortSignal,
) {
  return {
    service: ENTRA,
    url: new URL(`${encodeURIComponent(tenantId)}/oauth2/v2.0/token`, withSlash(authority)),
    form: {
      grant_type: 'client_credentials',
      client_id: clientId,
      scope: `${RESOURCE}.default`,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await readToken(tokenFile, signal),
    },
  };
}

/** Read again each time: kubelet renews it. */
async function readToken(file: string, signal: AbortSignal): Promise<string> {
  try {
    const found = await stat(file);
    if (!found.isFile() || found.size > MAX_TOKEN)
      throw noCredential(ENTRA, 'AZURE_FEDERATED_TOKEN_FILE is no token');
    return (await readFile(file, { encoding: 'utf8', signal })).trim();
  } catch (cause) {
    throw noCredential(ENTRA, 'the file of AZURE_FEDERATED_TOKEN_FILE cannot be read', cause);
  }
}

const withSlash = (url: string) => (url.endsWith('/') ? url : `${url}/`);
