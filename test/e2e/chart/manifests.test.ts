import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { helmArguments, MANIFESTS, toManifest } from '../../../scripts/chart/manifests.ts';
import { CHART, parseObjects, runHelm } from './render.ts';

const committed = (file: string) =>
  readFileSync(fileURLToPath(new URL(`../../../manifests/${file}`, import.meta.url)), 'utf8');

describe.each(Object.entries(MANIFESTS))('manifests/%s', (file, values) => {
  it('is what the chart renders: npm run manifests', async () => {
    const { stdout } = await runHelm('helm4', ...helmArguments(CHART, values));
    expect(committed(file)).toBe(toManifest(stdout));
  });

  it('has the namespace first, the webhooks last, and nothing of helm', () => {
    const kinds = parseObjects(committed(file)).map(({ kind }) => kind);
    expect(kinds[0]).toBe('Namespace');
    expect(kinds.slice(-2)).toEqual(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);
    expect(kinds.indexOf('ClusterRole')).toBeLessThan(kinds.indexOf('Deployment'));
    expect(committed(file)).not.toMatch(/helm\.sh|managed-by/);
  });
});

describe('the manifests', () => {
  it('have no place for a kind that nobody has thought of', () => {
    expect(() => toManifest('kind: Surprise\n')).toThrow(/no place for a Surprise/);
  });
});
