import { describe, expect, it } from '@jest/globals';
import { listPublicMaps, readPublicMap, writePublicMap } from '../../../src/kube/public-map.ts';
import { CONFIG_MAPS, configMapsIn } from '../../../src/kube/resources.ts';
import { startFakeCluster } from '../../support/kube-client.ts';

const PLACE = { namespace: 'seals', name: 'seal-public' };
const MAP = { ...PLACE, data: { 'a.json': '{}' } };
const { signal } = new AbortController();

/** How often something was changed. */
const writes = (seen: readonly string[]) => seen.filter((line) => !line.startsWith('GET')).length;

describe('the public ConfigMap', () => {
  it('is made, found by its name and by its label, and not written again while it is the same', async () => {
    await using cluster = await startFakeCluster();
    const { api, server } = cluster;
    expect(await readPublicMap(api, PLACE, signal)).toBeUndefined();
    await writePublicMap(api, MAP, signal);
    const made = writes(server.seen);
    await writePublicMap(api, MAP, signal);
    expect(await readPublicMap(api, PLACE, signal)).toEqual(MAP);
    expect(await listPublicMaps(api, CONFIG_MAPS, signal)).toEqual([MAP]);
    expect(await listPublicMaps(api, configMapsIn('others'), signal)).toEqual([]);
    expect([made, writes(server.seen)]).toEqual([1, 1]);
  });

  it.each([
    { what: 'its text', patch: { data: { 'a.json': '{"scope":"forged"}' } } },
    { what: 'its label', patch: { metadata: { labels: { 'tagseal.dev/public': null } } } },
  ])('is mended when somebody edits $what', async ({ patch }) => {
    await using cluster = await startFakeCluster();
    const { api } = cluster;
    await writePublicMap(api, MAP, signal);
    await api.mergePatch(configMapsIn(PLACE.namespace), PLACE.name, patch, signal);
    await writePublicMap(api, MAP, signal);
    expect(await listPublicMaps(api, CONFIG_MAPS, signal)).toEqual([MAP]);
  });
});
