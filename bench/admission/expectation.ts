import type { KnownImage } from './known-images.ts';
import { uidOf } from './pod-review.ts';

/** One review and what its answer must be. */
export interface Case {
  /** Head and body of the HTTP request, ready to be sent. */
  readonly request: Buffer;
  readonly uid: string;
  readonly images: readonly KnownImage[];
}

export const IMAGES_PER_POD = 3;
const PATH = '/mutate?timeout=10s';

/** Reviews that name every known image, each once or, to fill the last one, twice. */
export function makeCases(
  images: readonly KnownImage[],
  bodyOf: (number: number, images: readonly KnownImage[]) => Buffer,
): readonly Case[] {
  const reviews = Math.ceil(images.length / IMAGES_PER_POD);
  return Array.from({ length: reviews }, (_, number) => {
    const own = Array.from({ length: IMAGES_PER_POD }, (_, i) => at(images, number * IMAGES_PER_POD + i));
    return { request: httpRequest(bodyOf(number, own)), uid: uidOf(number), images: own };
  });
}

function at(images: readonly KnownImage[], i: number): KnownImage {
  const image = images[i % images.length];
  if (image === undefined) throw new Error('there are no images');
  return image;
}

/** As kube-apiserver sends it. */
function httpRequest(body: Buffer): Buffer {
  const head = [
    `POST ${PATH} HTTP/1.1`,
    'Host: tagseal.tagseal-system.svc:443',
    'User-Agent: kube-apiserver-admission',
    `Content-Length: ${body.length}`,
    'Accept: application/json, */*',
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head), body]);
}

const ALLOWED = Buffer.from('"allowed":true');
const PATCH_TYPE = Buffer.from('"patchType":"JSONPatch"');

/** What every answer must show; cheap. */
export function looksRight(status: number, body: Buffer): boolean {
  return status === 200 && body.includes(ALLOWED) && body.includes(PATCH_TYPE);
}

interface ReviewAnswer {
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly patch?: string;
    readonly status?: { readonly code: number };
  };
}

/** Whether the answer asks to come again while the tag is being recorded. */
export function isRetry(body: Buffer): boolean {
  const { response } = JSON.parse(body.toString()) as ReviewAnswer;
  return !response.allowed && response.status?.code === 429;
}

/** What is wrong with the answer, or nothing: it must allow, and pin each image to its digest. */
export function faultOf({ uid, images }: Case, status: number, body: Buffer): string | undefined {
  if (!looksRight(status, body)) return `status ${status}: ${body.toString().slice(0, 600)}`;
  const { response } = JSON.parse(body.toString()) as ReviewAnswer;
  if (response.uid !== uid) return `uid ${response.uid} answers ${uid}`;
  const patch = Buffer.from(response.patch ?? '', 'base64').toString();
  const expected = images.flatMap(({ text, digest }, i) => {
    const path = `/spec/containers/${i}/image`;
    return [
      { op: 'test', path, value: text },
      { op: 'replace', path, value: `${text}@${digest}` },
    ];
  });
  return patch === JSON.stringify(expected) ? undefined : `patch ${patch} is not ${JSON.stringify(expected)}`;
}
