import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  Key,
  Metadata,
  MetaFile,
  Root,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from '@tufjs/models';

type Signed = Root | Snapshot | Targets | Timestamp;
export type Role = 'root' | 'snapshot' | 'targets' | 'timestamp';

const HOUR_MS = 3_600_000;

/** A TUF repository as files; a test publishes, expires and forges as it likes. */
export interface TufRepository {
  /** Its first root.json. */
  readonly firstRoot: Uint8Array;
  /** By path below the mirror's URL. */
  readonly files: Map<string, Uint8Array>;
  /** A new version of all but the root. `expired`: the role whose metadata has expired already. */
  publish(targets: Readonly<Record<string, string>>, options?: { readonly expired?: Role }): void;
  /** A new root whose online keys are others; the next `publish` signs with them. */
  rotate(options?: { readonly expired?: 'root' }): void;
}

interface OwnKey {
  readonly key: Key;
  readonly privateKey: KeyObject;
}

export function makeTufRepository(): TufRepository {
  const files = new Map<string, Uint8Array>();
  const rootKey = makeKey();
  let online = makeKey();
  let rootVersion = 0;
  let version = 0;

  function print(signed: Signed, signer: OwnKey): Uint8Array {
    const metadata = new Metadata(signed);
    metadata.sign((data) => signatureOf(signer, data));
    return Buffer.from(JSON.stringify(metadata.toJSON()));
  }

  function publishRoot(expired?: 'root'): Uint8Array {
    rootVersion += 1;
    const expiresInMs = expired === undefined ? 1_000 * HOUR_MS : -1;
    const root = new Root({ ...common(rootVersion, expiresInMs), consistentSnapshot: true });
    root.addKey(rootKey.key, 'root');
    for (const role of ['snapshot', 'targets', 'timestamp'] satisfies Role[]) root.addKey(online.key, role);
    const bytes = print(root, rootKey);
    files.set(`${rootVersion}.root.json`, bytes);
    return bytes;
  }

  const firstRoot = publishRoot();
  return {
    firstRoot,
    files,
    rotate({ expired } = {}) {
      online = makeKey();
      publishRoot(expired);
    },
    publish(contents, { expired } = {}) {
      version += 1;
      const endOf = (role: Role) => (role === expired ? -1 : 24 * HOUR_MS);
      const targets = new Targets(common(version, endOf('targets')));
      for (const [path, text] of Object.entries(contents)) {
        const bytes = Buffer.from(text);
        const hash = createHash('sha256').update(bytes).digest('hex');
        targets.addTarget(new TargetFile({ path, length: bytes.length, hashes: { sha256: hash } }));
        files.set(`targets/${hash}.${path}`, bytes);
      }
      files.set(`${version}.targets.json`, print(targets, online));
      const meta = { 'targets.json': new MetaFile({ version }) };
      files.set(
        `${version}.snapshot.json`,
        print(new Snapshot({ ...common(version, endOf('snapshot')), meta }), online),
      );
      const snapshotMeta = new MetaFile({ version });
      files.set(
        'timestamp.json',
        print(new Timestamp({ ...common(version, endOf('timestamp')), snapshotMeta }), online),
      );
    },
  };
}

function common(version: number, expiresInMs: number) {
  return { version, specVersion: '1.0.0', expires: new Date(Date.now() + expiresInMs).toISOString() };
}

function makeKey(): OwnKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const keyID = createHash('sha256').update(raw).digest('hex');
  const key = new Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: raw } });
  return { key, privateKey };
}

function signatureOf({ key, privateKey }: OwnKey, data: Buffer): Signature {
  return new Signature({ keyID: key.keyID, sig: sign(null, data, privateKey).toString('hex') });
}
