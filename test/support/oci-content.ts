import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Bytes with their place in an image. */
export interface Content {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

/** A valid OCI image: an index over one manifest for each platform, with all their blobs. */
export interface ImageContent {
  readonly index: Content;
  readonly manifests: readonly Content[];
  readonly blobs: readonly Content[];
}

export interface ImageOptions {
  /** `os/architecture`; linux/amd64 and linux/arm64 by default. */
  readonly platforms?: readonly string[];
  /** Text of the one file of the one layer; another text gives another digest. */
  readonly text?: string;
}

/** The same options give the same bytes on one version of Node. */
export function makeImageContent({
  platforms = ['linux/amd64', 'linux/arm64'],
  text = 'hello',
}: ImageOptions = {}): ImageContent {
  const blobs: Content[] = [];
  const manifests: Content[] = [];
  const entries = platforms.map((platform) => {
    const [os = '', architecture = ''] = platform.split('/');
    const tar = tarOf('hello.txt', `${text} from ${platform}\n`);
    const layer = content(OCI_LAYER, gzipSync(tar));
    const config = json(OCI_CONFIG, {
      architecture,
      os,
      config: { Cmd: ['/hello.txt'] },
      rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
    });
    const manifest = json(OCI_MANIFEST, {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(config),
      layers: [descriptor(layer)],
    });
    blobs.push(config, layer);
    manifests.push(manifest);
    return { ...descriptor(manifest), platform: { os, architecture } };
  });
  const index = json(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries });
  return { index, manifests, blobs };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function descriptor({ mediaType, digest, bytes }: Content) {
  return { mediaType, digest, size: bytes.length };
}

function json(mediaType: string, value: unknown): Content {
  return content(mediaType, Buffer.from(JSON.stringify(value)));
}

function content(mediaType: string, bytes: Buffer): Content {
  return { mediaType, digest: sha256(bytes), bytes };
}

/** A POSIX ustar archive with one file, so that real clients can unpack the layer. */
function tarOf(name: string, text: string): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([header, body, padding, Buffer.alloc(1024)]);
}
