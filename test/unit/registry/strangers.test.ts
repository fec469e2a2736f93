import { Readable } from 'node:stream';
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { PUBLIC_REGISTRIES } from '../../../src/reference/public-registries.ts';
import { makeAddressGuard } from '../../../src/registry/address-guard.ts';
import { makeAgents } from '../../../src/registry/agent.ts';
import { makeManifestClient } from '../../../src/registry/client.ts';
import { makeFollow } from '../../../src/registry/follow.ts';
import { ANONYMOUS } from '../../../src/registry/credential.ts';
import { makeHosts } from '../../../src/registry/hosts.ts';
import { DEFAULT_LIMITS } from '../../../src/registry/limits.ts';
import type { Answer, Call } from '../../../src/registry/send.ts';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry, tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;
const guard = makeAddressGuard({ allowPrivate: false });
const limits = DEFAULT_LIMITS;

describe('a well-known public registry whose name leads inside', () => {
  const lookup: LookupFunction = (_host, _options, callback) => {
    callback(null, [{ address: '127.0.0.1', family: 4 }]);
  };

  it.each([...PUBLIC_REGISTRIES])('is refused, though the settings name %s', async (host) => {
    const registry = makeTestRegistry([], { lookup, namedHosts: new Set([host]) });
    const asked = () => registry.resolver.fetch(tagReference(`${host}/library/app:1`), never);
    expect(await codeOf(asked)).toBe('ADDRESS_FORBIDDEN');
    await registry.close();
  });
});

describe('the connections for strangers', () => {
  it('reach no forbidden address, though the settings name it', async () => {
    await using fake = await startFakeRegistry();
    const named = new Set([fake.host]);
    const agents = makeAgents({ guard, hosts: makeHosts({ named, plainHttp: named }), limits });
    const ask = (dispatcher: typeof agents.documents) => request(`${fake.url}/v2/`, { dispatcher });
    expect((await ask(agents.documents)).statusCode).toBe(200);
    expect(await codeOf(() => ask(agents.strangers))).toBe('ADDRESS_FORBIDDEN');
    expect(fake.requests.length).toBe(1);
    await agents.close();
  });
});

/** The connections by which a manifest client follows a redirect of `registry`. */
async function agentBehind(registry: string, location: string): Promise<string> {
  const hosts = makeHosts({
    named: new Set(['one.internal', '127.0.0.1:5000']),
    plainHttp: new Set(['127.0.0.1:5000']),
  });
  const calls: Call[] = [];
  const answerOf = (url: URL, status: number): Answer => ({
    url,
    status,
    header: (name) => (name === 'location' ? location : undefined),
    headers: () => [],
    body: Object.assign(Readable.from([]), { dump: async () => undefined }) as unknown as Answer['body'],
  });
  const follow = makeFollow({
    hosts,
    guard,
    limits,
    mirrors: { placesOf: () => [], giveUp: () => false },
    authorizedSend: async ({ url }) => ({ answer: answerOf(url, 307), credential: ANONYMOUS }),
    send: async (call) => {
      calls.push(call);
      return answerOf(call.url, 404);
    },
  });
  const client = makeManifestClient({ follow, limits });
  const code = await codeOf(() => client.head({ registry, repository: 'app', reference: '1' }, never));
  return calls[0]?.agent ?? String(code);
}

describe('a manifest redirect', () => {
  it.each([
    ['stranger.example', 'https://one.internal/x', 'strangers'],
    ['ghcr.io', 'https://one.internal/x', 'strangers'],
    ['one.internal', 'https://cdn.example/x', 'documents'],
    ['one.internal', 'http://127.0.0.1:5000/x', 'documents'],
    ['stranger.example', 'http://127.0.0.1:5000/x', 'ADDRESS_FORBIDDEN'],
  ])('of %s to %s is followed by: %s', async (registry, location, agent) => {
    expect(await agentBehind(registry, location)).toBe(agent);
  });
});
