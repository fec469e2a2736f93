import { describe, expect, it } from '@jest/globals';
import type { CheckImage } from '../../src/check/verdict.ts';
import { call } from '../support/http-call.ts';
import { codeSpans, tableRows, textOf } from '../support/markdown.ts';
import { proxySetup, type ProxySetup } from '../support/proxy-setup.ts';
import { digestOfA, sampleRecord } from '../support/sample-record.ts';
import { admit, moved, tagReference } from '../support/verdicts.ts';

const ALLOWED = new Set(['docker.io', 'registry.example.com', 'registry.example.com:5000']);

interface Row {
  readonly method: string;
  readonly path: string;
  readonly accept: string | undefined;
  readonly status: string;
  readonly code: string | undefined;
}

const rows = tableRows(textOf('docs/deviations.md')).map(([request = '', , here = '']): Row => {
  const [line = '', accept] = codeSpans(request);
  const [method = '', path = ''] = line.split(' ');
  const [status = '', code] = codeSpans(here)[0]?.split(' ') ?? [];
  return { method, path: path.replace('SHA256', digestOfA), accept, status, code };
});

/** A registry with the tag `known`, beside which `moved` has moved and `new` is being recorded. */
async function registry(): Promise<ProxySetup> {
  let pin = digestOfA;
  const checkImage: CheckImage = async (text) => {
    const reference = tagReference(text);
    if (reference.tag === 'moved') return moved(text);
    if (reference.tag !== 'new') return admit(text, { pin });
    return { kind: 'pending', reference, record: sampleRecord(reference.canonical), retryAfterSeconds: 1 };
  };
  const proxy = await proxySetup(checkImage, { isAllowed: (name) => ALLOWED.has(name) });
  pin = proxy.upstream.putManifest('{"schemaVersion":2}');
  return proxy;
}

describe('the deviations of docs/deviations.md', () => {
  it('are listed', () => {
    expect(rows.length).toBeGreaterThan(10);
  });

  it.each(rows)('$method $path as $accept: $status $code', async ({ method, path, accept, status, code }) => {
    await using proxy = await registry();
    const answer = await call(proxy.url, path, { method, ...(accept && { headers: { accept } }) });
    expect(String(answer.status)).toBe(status);
    if (code !== undefined) expect(answer.text).toContain(`"code":"${code}"`);
  });

  it('end in a 403 where a refused HEAD is sent', async () => {
    await using proxy = await registry();
    const path = '/v2/registry.example.com/app/manifests/moved';
    const { location = '' } = (await call(proxy.url, path, { method: 'HEAD' })).headers;
    expect(location).toMatch(/\?reason=/);
    expect((await call(proxy.url, location, { method: 'HEAD' })).status).toBe(403);
  });

  it('take the registry from the path, with its port, or from ?ns=', async () => {
    await using proxy = await registry();
    await call(proxy.url, '/v2/registry.example.com_5000/app/manifests/known');
    await call(proxy.url, '/v2/app/manifests/known?ns=registry.example.com');
    expect(proxy.upstream.calls.map((line) => line.replace(/@.*/, ''))).toEqual([
      'manifest registry.example.com:5000/app',
      'manifest registry.example.com/app',
    ]);
  });
});
