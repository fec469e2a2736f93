import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'undici';
import { askEcr, makeAskAws } from '../../../../src/registry/ambient/aws.ts';
import { makeAskAzure } from '../../../../src/registry/ambient/azure.ts';
import { makeCloudCall, type CloudCall } from '../../../../src/registry/ambient/cloud-call.ts';
import { makeAskGoogle } from '../../../../src/registry/ambient/google.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const NEVER = new AbortController().signal;
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const NOW = Date.parse('2026-11-23T07:00:00Z');
const clock = { now: () => NOW, monotonicMs: () => 0 };

interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A cloud's services on loopback: remembers what was asked, answers as the test says. */
async function startCloud() {
  const asked: Got[] = [];
  let answer: (got: Got) => { readonly status?: number; readonly body: string } = () => ({ body: '{}' });
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const got = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      asked.push(got);
      const { status = 200, body: text } = answer(got);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent();
  return {
    host: `127.0.0.1:${port}`,
    asked,
    answers(next: typeof answer) {
      answer = next;
    },
    call: makeCloudCall(agent),
    async [Symbol.asyncDispose]() {
      await agent.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let cloud: Awaited<ReturnType<typeof startCloud>>;
beforeEach(async () => {
  cloud = await startCloud();
});
afterEach(() => cloud[Symbol.asyncDispose]());

const json = (value: unknown) => () => ({ body: JSON.stringify(value) });

describe('Google Cloud', () => {
  const ask = () => makeAskGoogle(cloud.call, cloud.host)('eu.gcr.io', NEVER);

  it('gives the access token of the service account', async () => {
    cloud.answers(json({ access_token: 'ya29.token', expires_in: 3599, token_type: 'Bearer' }));
    expect(await ask()).toMatchObject({
      username: 'oauth2accesstoken',
      password: 'ya29.token',
      seconds: 3599,
    });
    expect(cloud.asked).toMatchObject([
      {
        method: 'GET',
        url: '/computeMetadata/v1/instance/service-accounts/default/token',
        headers: { 'metadata-flavor': 'Google' },
      },
    ]);
  });

  it.each([
    ['no identity', () => ({ status: 404, body: 'no such service account' })],
    ['no JSON', () => ({ body: '<html>' })],
    ['an empty token', json({ access_token: '', expires_in: 10 })],
    ['no time', json({ access_token: 'a' })],
    ['an endless answer', () => ({ body: `"${'x'.repeat(70_000)}"` })],
    ['a redirect', () => ({ status: 302, body: '' })],
  ])('is an error that says so where it gives %s', async (_, answer) => {
    cloud.answers(answer);
    expect(await codeOf(ask)).toBe('CREDENTIALS_INVALID');
  });
});

describe('Azure', () => {
  /** As the real one, with its own addresses on loopback. */
  const onLoopback: CloudCall = (wish, schema, signal) =>
    cloud.call(
      { ...wish, url: new URL(wish.url.pathname + wish.url.search, `http://${cloud.host}`) },
      schema,
      signal,
    );
  const answers = ({ url }: Got) => ({
    body: JSON.stringify(
      url === '/oauth2/exchange' ? { refresh_token: 'refresh' } : { access_token: 'access' },
    ),
  });

  it('exchanges the token of a workload for one of the registry', async () => {
    cloud.answers(answers);
    await using folder = await makeTempFolder();
    const tokenFile = join(folder.path, 'token');
    await writeFile(tokenFile, 'federated\n');
    const authority = 'https://login.microsoftonline.com';
    const workload = { authority, tenantId: 'tenant', clientId: 'client', tokenFile };
    const given = await makeAskAzure(onLoopback, { workload })('acme1.azurecr.io', NEVER);
    expect(given).toMatchObject({ username: '00000000-0000-0000-0000-000000000000', password: 'refresh' });
    const [login, exchange] = cloud.asked;
    expect([login?.method, login?.url]).toEqual(['POST', '/tenant/oauth2/v2.0/token']);
    expect(Object.fromEntries(new URLSearchParams(login?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client',
      scope: 'https://containerregistry.azure.net/.default',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'federated',
    });
    expect(Object.fromEntries(new URLSearchParams(exchange?.body))).toEqual({
      grant_type: 'access_token',
      service: 'acme1.azurecr.io',
      access_token: 'access',
    });
  });

  it('asks for the managed identity of the machine where there is no workload', async () => {
    cloud.answers(answers);
    await makeAskAzure(onLoopback, { clientId: 'one-of-two' })('acme1.azurecr.io', NEVER);
    const url = new URL(cloud.asked[0]?.url ?? '', 'http://machine');
    expect(cloud.asked[0]?.headers).toMatchObject({ metadata: 'true' });
    expect([url.pathname, Object.fromEntries(url.searchParams)]).toEqual([
      '/metadata/identity/oauth2/token',
      {
        'api-version': '2018-02-01',
        resource: 'https://containerregistry.azure.net/',
        client_id: 'one-of-two',
      },
    ]);
  });

  it('says so where the token of the workload cannot be read', async () => {
    const workload = { authority: 'https://a/', tenantId: 't', clientId: 'c', tokenFile: '/nowhere/token' };
    expect(await codeOf(() => makeAskAzure(onLoopback, { workload })('acme1.azurecr.io', NEVER))).toBe(
      'CREDENTIALS_INVALID',
    );
    expect(cloud.asked).toEqual([]);
  });
});

describe('Amazon ECR', () => {
  const SETTINGS: Readonly<Record<string, string>> = {
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  let before: NodeJS.ProcessEnv;
  beforeEach(() => {
    before = { ...process.env };
    Object.assign(process.env, SETTINGS, { AWS_ENDPOINT_URL_ECR: `http://${cloud.host}` });
  });
  afterEach(() => {
    process.env = before;
  });
  const ask = () => makeAskAws(askEcr, clock)(ECR, NEVER);

  it('gives the authorization token of the region, asked for by the library of AWS', async () => {
    const authorizationToken = Buffer.from('AWS:secret').toString('base64');
    cloud.answers(json({ authorizationData: [{ authorizationToken, expiresAt: NOW / 1000 + 43_200 }] }));
    expect(await ask()).toMatchObject({ username: 'AWS', password: 'secret', seconds: 43_200 });
    const [got] = cloud.asked;
    expect(got?.headers['x-amz-target']).toBe('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken');
    expect(got?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/ecr\//,
    );
  });

  it.each([
    ['nothing', json({})],
    ['a token that is none', json({ authorizationData: [{ authorizationToken: 'eA==' }] })],
    ['a refusal', () => ({ status: 400, body: '{"__type":"AccessDeniedException","message":"no"}' })],
  ])('is an error that says so where it gives %s', async (_, answer) => {
    cloud.answers(answer);
    expect(await codeOf(ask)).toBe('CREDENTIALS_INVALID');
  });
});
