import { describe, expect, it } from '@jest/globals';
import { parsePublished } from '../../../src/compose/cluster/parse-published.ts';
import { publishedTexts } from '../../../src/compose/cluster/published.ts';
import { openCore } from '../../../src/compose/core.ts';
import { readConfig } from '../../../src/config/read-config.ts';
import { systemClock } from '../../../src/observe/clock.ts';
import { silentLogger } from '../../support/ledger-setup.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const PLACE = { namespace: 'tagseal-system', name: 'tagseal-public' };

/** What an installation with an embedded log would publish. */
async function published() {
  await using folder = await makeTempFolder();
  const environment = { TAGSEAL_SCOPE: 'production', TAGSEAL_REGISTRIES_PLAIN_HTTP: 'reg.test:5000' };
  const config = readConfig({ environment, workingDirectory: folder.path });
  const core = await openCore({ config, home: undefined, logger: silentLogger, clock: systemClock });
  const texts = publishedTexts(config, core);
  await core.close();
  return { texts, evidence: core.evidence };
}

/** The facts, with one of them changed. */
function changed(texts: Readonly<Record<string, string>>, change: object) {
  const facts: unknown = JSON.parse(texts['tagseal.json'] ?? '');
  return { ...PLACE, data: { ...texts, 'tagseal.json': JSON.stringify(Object.assign({}, facts, change)) } };
}

describe('what an installation publishes', () => {
  it('is read back as what it trusts, and holds no secret', async () => {
    const { texts, evidence } = await published();
    const read = parsePublished({ ...PLACE, data: texts });
    expect(read).toMatchObject({ scope: 'production', privacy: 'auto', plainHttp: ['reg.test:5000'] });
    expect(read.evidence.keys).toEqual(evidence.keys);
    expect(read.evidence.logs).toEqual(
      evidence.logs.map(({ kind, origin, spki }) => ({ kind, origin, spki })),
    );
    expect(Object.values(texts).join()).not.toMatch(/PRIVATE|blinding/);
  });

  it.each([
    { what: 'an unknown kind of log', change: { log: { kind: 'mine', url: 'x', origin: 'x' } } },
    { what: 'no log', change: { logs: [] } },
    { what: 'a log without a key', change: { logs: [{ origin: 'x', spki: 'AAAA' }] } },
    { what: 'a scope with a line break', change: { scope: 'a\nb' } },
    { what: 'keys that are no list', change: { keys: 'all' } },
    { what: 'an identity without issuer', change: { identities: [{ identity: 'x' }] } },
    { what: 'a privacy of another version', change: { privacy: 'secret' } },
  ])('is refused with $what', async ({ change }) => {
    const { texts } = await published();
    expect(await codeOf(() => parsePublished(changed(texts, change)))).toBe('TRUST_ROOT_INVALID');
  });

  it('is refused with a rule that is none', async () => {
    const { texts } = await published();
    const map = changed(texts, { policies: [{ match: { images: [] } }] });
    expect(await codeOf(() => parsePublished(map))).toBe('POLICY_INVALID');
  });

  it.each([
    { what: 'nothing', change: { 'tagseal.json': undefined, 'trusted_root.json': undefined } },
    { what: 'no JSON', change: { 'tagseal.json': '{' } },
    { what: 'JSON that is too deep', change: { 'tagseal.json': '['.repeat(20) + ']'.repeat(20) } },
    { what: 'no trusted root', change: { 'trusted_root.json': undefined } },
    { what: 'a trusted root that is none', change: { 'trusted_root.json': '{}' } },
  ])('is refused where the ConfigMap holds $what', async ({ change }) => {
    const { texts } = await published();
    const data: Record<string, string> = {};
    for (const [key, text] of Object.entries({ ...texts, ...change })) {
      if (text !== undefined) data[key] = text;
    }
    expect(await codeOf(() => parsePublished({ ...PLACE, data }))).toBe('TRUST_ROOT_INVALID');
  });
});
