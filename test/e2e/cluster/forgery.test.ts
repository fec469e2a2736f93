import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TagRecord } from '../../../src/ledger/record.ts';
import { packText, unpackText } from '../../../src/kube/evidence-text.ts';
import { recordObject } from '../../../src/kube/record-object.ts';
import { makeNaming } from '../../../src/protocol/naming.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { isTagReference, parseReference } from '../../../src/reference/parse-reference.ts';
import { parseTagRecord } from '../../../src/ledger/tag-record.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { makeTestSigner, NEVER } from '../../support/test-signer.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { openShop, pod, type Shop } from '../stack/kubernetes/shop.ts';
import { buildTagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { installTagseal, NAMESPACE, valuesFile } from '../stack/kubernetes/tagseal-release.ts';
import { until } from '../stack/until.ts';

const PATIENCE_MS = 90_000;

let folder: TempFolder;
let cluster: StartedCluster;
let shop: Shop;
beforeAll(async () => {
  folder = await makeTempFolder();
  cluster = await startCluster({ folder: folder.path, rekor: true });
  await installTagseal(cluster, await valuesFile(cluster, await buildTagsealImage(cluster)));
  shop = await openShop(cluster, 'shop', 'enforce');
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface RecordSeen {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly reference: string; readonly digest: string };
  readonly evidence: string;
  readonly status: { readonly phase: string; readonly origin: string };
}

async function recordOf(tag: string): Promise<RecordSeen | undefined> {
  const { items } = await shop.read<{ items: readonly RecordSeen[] }>('get', 'tagrecords');
  return items.find(({ spec }) => spec.reference === tag);
}

interface Recorded {
  readonly tag: string;
  readonly digest: string;
  readonly record: RecordSeen;
}

/** A tag with a record in the log. */
async function recordedTag(name: string): Promise<Recorded> {
  const tag = shop.tag(name);
  const digest = await shop.push(tag, `${name} first`);
  await succeed(shop.apply(pod(name, tag)));
  const record = await recordOf(tag);
  if (record === undefined) throw new Error('no record');
  return { tag, digest, record };
}

/** As an administrator. */
const edit = ({ metadata: { name } }: RecordSeen, patch: object) =>
  cluster.kubectl(['patch', 'tagrecord', name, '--type=merge', '-p', JSON.stringify(patch)]);

/** Every replica begins anew, without memory, and no old one is asked any more. */
async function restartAll(): Promise<void> {
  const place = ['-n', NAMESPACE];
  const selected = ['-l', 'app.kubernetes.io/component in (webhook,controller)', ...place];
  const old = await succeed(cluster.kubectl(['get', 'pods', '-o', 'name', ...selected]));
  const deployments = ['deployment/tagseal-webhook', 'deployment/tagseal-controller'];
  await succeed(cluster.kubectl(['rollout', 'restart', ...deployments, ...place]));
  for (const each of deployments) {
    await succeed(cluster.kubectl(['rollout', 'status', each, '--timeout=120s', ...place]));
  }
  // the API server goes on to use its connections to them
  const names = old.trim().split('\n');
  await succeed(cluster.kubectl(['wait', '--for=delete', ...names, '--timeout=60s', ...place]));
}

const logOf = async (role: string) =>
  succeed(
    cluster.kubectl([
      ...['logs', '-n', NAMESPACE, '--tail=-1', '--prefix', '--max-log-requests=20'],
      ...['-l', `app.kubernetes.io/component=${role}`],
    ]),
  );

const ask = (tag: string) => shop.apply(pod('asks', tag), '--dry-run=server');

/** Leaves of the log, by its own checkpoint. */
async function leaves(): Promise<number> {
  const answer = await fetch(`${cluster.rekor?.readUrl}/checkpoint`);
  const [, size = ''] = (await answer.text()).split('\n');
  return Number(size);
}

async function evidenceOf({ evidence }: RecordSeen): Promise<TagRecord> {
  return parseTagRecord(JSON.parse((await unpackText(evidence)) ?? ''));
}

const edited: { tag: string; digest: string; field: string }[] = [];

describe('a TagRecord that an administrator edits', () => {
  it('keeps its spec', async () => {
    const { record } = await recordedTag('kept');
    const { code, stderr } = await edit(record, { spec: { digest: `sha256:${'b'.repeat(64)}` } });
    expect(code).not.toBe(0);
    expect(stderr).toContain('a record is never edited');
  });

  const EDITS: readonly { field: string; patch: (record: RecordSeen) => Promise<object> }[] = [
    {
      field: 'evidence',
      patch: async (record) => {
        const other = { ...(await evidenceOf(record)), firstSeen: '2020-01-01T00:00:00.000Z' };
        return { evidence: await packText(JSON.stringify(other)) };
      },
    },
    { field: 'status.phase', patch: () => Promise.resolve({ status: { phase: 'Reserved' } }) },
    {
      field: 'binding in its evidence',
      patch: async (record) => {
        const before = await evidenceOf(record);
        const { bundle: _bundle, ...binding } = { bundle: undefined, ...before.binding };
        const signed = await makeTestSigner().sign(binding.statement, NEVER);
        const forged = { ...before, binding: { ...before.binding, ...signed } };
        return { evidence: await packText(JSON.stringify(forged)) };
      },
    },
  ];

  it.each(EDITS)('$field: who has verified it before still answers with the true digest', async (row) => {
    const { tag, digest, record } = await recordedTag(row.field.replaceAll(/[^a-z]/g, '-'));
    await succeed(edit(record, await row.patch(record)));
    edited.push({ tag, digest, field: row.field });
    for (let i = 0; i < 4; i += 1) {
      const { stdout, stderr, code } = await shop.apply(pod('asks', tag), '--dry-run=server', '-o', 'json');
      // a replica that has not seen it yet refuses; none gives another digest
      if (code === 0) expect(stdout).toContain(`${tag}@${digest}`);
      else expect(stderr).toContain(tag);
    }
  });

  it('to a phase that denies is refused by those who remember it, too', async () => {
    const { tag, record } = await recordedTag('denying');
    await succeed(edit(record, { status: { phase: 'Unlogged' } }));
    await shop.untilRefused(tag, 'cannot be used: its status.phase is not what its evidence says');
    // both replicas have heard of it
    const connections = ['one', 'two', 'three'].map(() => ask(tag));
    for (const { code } of await Promise.all(connections)) expect(code).toBe(1);
  });
});

const BLINDING_KEY = String.raw`jsonpath={.data.blinding\.key}`;

/** What this installation would reserve for the tag, signed by another key. */
async function forgedReservation(tag: string): Promise<TagRecord> {
  const digest = parseDigest(await shop.push(tag, 'forged'));
  const encoded = await succeed(
    cluster.kubectl(['get', 'secret', 'tagseal-keys', '-n', NAMESPACE, '-o', BLINDING_KEY]),
  );
  const blindingKey = Buffer.from(Buffer.from(encoded, 'base64').toString().trim(), 'hex');
  const naming = makeNaming({ scope: 'default', privacy: 'auto', blindingKey });
  const reference = parseReference(tag);
  if (!isTagReference(reference)) throw new Error('no tag');
  const statements = naming.statements(reference, digest, 'blinded', 0);
  const [claim, binding] = await Promise.all(
    [statements.claim, statements.binding].map((text) => makeTestSigner().sign(text, NEVER)),
  );
  if (claim === undefined || binding === undefined) throw new Error('not signed');
  return {
    reference: tag,
    digest,
    scope: naming.scope,
    claimId: naming.claimId(reference, 'blinded'),
    generation: 0,
    privacy: 'blinded',
    firstSeen: '2026-01-01T00:00:00.000Z',
    origin: 'admission',
    phase: 'Reserved',
    reservedAt: { origin: 'rekor-local', treeSize: 0 },
    claim,
    binding,
  };
}

const forged = () => shop.tag('forged');

describe('a forged reservation', () => {
  it('is refused', async () => {
    const input = JSON.stringify(await recordObject(await forgedReservation(forged())));
    await succeed(cluster.kubectl(['create', '-f', '-'], { input }));
    const { code, stderr } = await ask(forged());
    expect(code).toBe(1);
    expect(stderr).toContain(forged());
  });
});

const remove = ({ metadata: { name } }: RecordSeen) =>
  succeed(cluster.kubectl(['delete', 'tagrecord', name]));

describe('the first sight of replicas without memory', () => {
  let before: number;
  let deleted: Recorded;
  let deletedAndMoved: Recorded;
  let moved: string;

  beforeAll(async () => {
    deleted = await recordedTag('deleted');
    await remove(deleted.record);
    deletedAndMoved = await recordedTag('deleted-and-moved');
    await remove(deletedAndMoved.record);
    moved = await shop.push(deletedAndMoved.tag, 'second');
    before = await leaves();
    await restartAll();
  });

  it('of an edited record is refused, and alarmed', async () => {
    for (const { tag } of edited) {
      const { code, stderr } = await ask(tag);
      expect({ tag, code }).toEqual({ tag, code: 1 });
      expect(stderr).toMatch(/cannot be used|signed by a key that is not ours/);
    }
    const count = (text: string) => text.split('"record.invalid"').length - 1;
    await until(
      () => logOf('controller'),
      (text) => count(text) >= edited.length,
      PATIENCE_MS,
    );
  });

  it('of a forged reservation does not publish it', async () => {
    expect((await ask(forged())).code).toBe(1);
    // a new leader publishes what was left over
    await until(
      () => logOf('controller'),
      (text) =>
        text.split('\n').some((line) => line.includes('record.unpublished') && line.includes(forged())),
      PATIENCE_MS,
    );
    expect((await recordOf(forged()))?.status.phase).toBe('Reserved');
    expect(await leaves()).toBe(before);
  });

  it('of a deleted record restores it from the log, with the same digest', async () => {
    const { tag, digest } = deleted;
    const { stdout } = await shop.apply(pod('deleted-again', tag), '-o', 'json');
    expect(stdout).toContain(`${tag}@${digest}`);
    const restored = await recordOf(tag);
    expect(restored?.spec.digest).toBe(digest);
    expect(restored?.status.origin).toBe('restore');
    expect(await leaves()).toBe(before);
  });

  it('of a deleted record whose tag has moved brings it no other digest', async () => {
    const { tag, digest } = deletedAndMoved;
    const { code, stderr } = await ask(tag);
    expect(code).toBe(1);
    expect(stderr).toContain(tag);
    expect(stderr).not.toContain(`${tag}@${moved}`);
    expect((await recordOf(tag))?.spec.digest ?? digest).toBe(digest);
    expect(await leaves()).toBe(before);
  });
});
