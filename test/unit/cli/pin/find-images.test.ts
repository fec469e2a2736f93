import { describe, expect, it } from '@jest/globals';
import { findImages } from '../../../../src/cli/pin/find-images.ts';
import { parseSource } from '../../../../src/cli/pin/parse-documents.ts';
import { splice } from '../../../../src/cli/pin/splice.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const PINNED = `alpine:3.16@sha256:${'a'.repeat(64)}`;
const pins = new Map([['alpine:3.16', PINNED]]);

function read(text: string) {
  return parseSource('pod.yaml', new TextEncoder().encode(text));
}

function pin(text: string): string {
  return splice(text, findImages(read(text)), pins);
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `k${i}: v`).join(', ');
}

/** `§` marks each place where the pinned image belongs; everything else must stay as it is. */
const PINNED_ROWS: readonly (readonly [string, string])[] = [
  ['a Pod', 'kind: Pod\nspec:\n  containers:\n    - name: a\n      image: §\n'],
  ['a comment behind the image', 'containers:\n- image: §   # alpine:3.16 is fine\n'],
  ['double quotes', 'containers:\n- image: "§"\n'],
  ['single quotes', "containers:\n- {name: 'a', image: '§'}\n"],
  ['every list of containers', 'initContainers: [{image: §}]\nephemeralContainers: [{image: §}]\n'],
  ['an image volume', 'volumes:\n- name: x\n  image:\n    reference: §\n    pullPolicy: Always\n'],
  ['flow style without spaces', '{"spec":{"containers":[{"image":"§"},{"image":"§"}]}}'],
  ['CRLF', 'containers:\r\n- image: §\r\n  name: a\r\n'],
  ['a byte order mark', '\ufeffcontainers:\n- image: §\n'],
  ['several documents', '---\ncontainers: [{image: §}]\n...\n# x\n---\n---\ncontainers:\n- image: §'],
  ['the end of the file without a line break', 'containers:\n- image: §'],
  ['a block scalar with a comment', 'containers:\n- image: |-   # alpine:3.16\n    §\n  name: a\n'],
  ['a folded block scalar', 'containers:\n- image: >-\n      §\n\n- name: b\n'],
  ['an anchor for its aliases', 'x: &i §\ncontainers:\n- image: *i\n- image: *i\n'],
  ['an anchor within the list', 'containers:\n- image: &i §\n- image: *i\n'],
  ['an anchored list', 'x: &c\n- image: §\nspec: {containers: *c}\n'],
  ['an anchored container', 'x: &c {image: §}\ncontainers: [*c, *c]\n'],
  ['a merge key', 'x: &base\n  image: §\ncontainers:\n- <<: *base\n  name: a\n'],
  ['an own image over a merged one', 'x: &b {image: alpine:3.16}\ncontainers:\n- <<: *b\n  image: §\n'],
  ['a list of merge keys', 'a: &a {x: y}\nb: &b {image: §}\ncontainers: [{<<: [*a, *b]}]\n'],
  ['the newer of two anchors', 'a: &i alpine:3.16\nb: &i §\ncontainers: [{image: *i}]\n'],
  ['a tag', 'containers:\n- image: !!str §\n'],
  ['an explicit key', 'containers:\n- ? image\n  : §\n'],
  ['a template in an unknown kind', 'kind: Rollout\nspec: {template: {spec: {containers: [{image: §}]}}}\n'],
  ['a List', 'kind: List\nitems:\n- kind: Pod\n  spec:\n    containers:\n    - image: §\n'],
  [
    'a CronJob',
    'spec:\n jobTemplate:\n  spec:\n   template:\n    spec:\n     containers:\n     - image: §\n',
  ],
];

const LEFT_ALONE: readonly (readonly [string, string])[] = [
  ['an image outside a list of containers', 'image: alpine:3.16\nservices: {web: {image: alpine:3.16}}\n'],
  ['text within a ConfigMap', 'data:\n  pod.yaml: |\n    containers:\n    - image: alpine:3.16\n'],
  ['a comment', '# containers: [{image: alpine:3.16}]\n'],
  [
    'a schema that has a property of that name',
    'properties:\n  containers:\n    items: {image: alpine:3.16}\n',
  ],
  ['another kind of volume', 'volumes:\n- rbd: {image: alpine:3.16}\n- image: alpine:3.16\n'],
  ['an image that is not there', 'containers:\n- name: a\n- image:\n- image: null\n- image: ~\n- a\n- [b]\n'],
  ['an empty file', ''],
  ['a file of comments', '# nothing\n'],
  ['a scalar', 'alpine:3.16'],
  ['a long list', '- a\n'.repeat(500)],
  ['a bracket as a text', '--- |-\n]'],
  ['one large container in many places', `b: &b {${keys(7000)}}\ncontainers: [${'*b, '.repeat(7000)}]\n`],
  ['a list that contains itself', 'containers: &c [*c]\nx: &m {<<: *m, containers: [*m]}\n'],
];

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['a template action as an image', 'containers:\n- image: {{ .Values.image }}\n', 'pod.yaml:2'],
  ['template control lines', 'a: b\n{{- if .x }}\nc: d\n{{- end }}\n', 'pod.yaml:2'],
  ['a number as an image', 'containers:\n- image: 3.16\n', 'pod.yaml:2'],
  ['a list as an image', 'containers:\n- image:\n  - alpine:3.16\n', 'pod.yaml:3'],
  ['an alias without an anchor', 'containers:\n- name: a\n- image: *nowhere\n', 'pod.yaml:3'],
  ['a key that is there twice', 'containers:\n- image: a\n  name: b\n  image: c\n', 'pod.yaml:4'],
  ['a bracket that stays open', 'a: b\nc: [d\ne: f\n', 'pod.yaml:3'],
  ['wrong indentation', 'a:\n  b: c\n d: e\n', 'pod.yaml:3'],
  ['an error in a later document', 'a: b\n---\n"c\n', 'pod.yaml:4'],
  ['a bracket too many', 'a: b ]\n]\n', 'pod.yaml'],
  ['nesting without end', '['.repeat(1_000_000), 'pod.yaml'],
  ['nesting on one line', '- '.repeat(1_000_000), 'pod.yaml'],
  ['an enormous text', `a: "${'x'.repeat(1_600_000)}"`, 'pod.yaml'],
  ['documents without end', '---\n'.repeat(100_001), 'pod.yaml'],
];

describe('findImages and splice', () => {
  it.each(PINNED_ROWS)('pin %s and change nothing else', (_name, template) => {
    expect(pin(template.replaceAll('§', 'alpine:3.16'))).toBe(template.replaceAll('§', PINNED));
  });

  it.each(LEFT_ALONE)('leave %s alone', (_name, text) => {
    expect(pin(text)).toBe(text);
  });

  it.each(REFUSED)('refuse %s, naming the place', async (_name, text, place) => {
    expect(await codeOf(() => findImages(read(text)))).toBe('DOCUMENT_INVALID');
    expect(() => findImages(read(text))).toThrow(`cannot pin ${place}: `);
  });

  it('refuses what is not UTF-8', async () => {
    expect(await codeOf(() => parseSource('x', Uint8Array.of(0x61, 0xff)))).toBe('DOCUMENT_INVALID');
  });

  it('refuses more than 8 MiB', async () => {
    expect(await codeOf(() => parseSource('x', new Uint8Array(8_388_609)))).toBe('DOCUMENT_INVALID');
  });

  it('gives up on merge keys that grow with their square', async () => {
    const base = `b: &b [${'{x: y},'.repeat(7000)}]\n`;
    const text = `${base}containers: [${'{<<: *b},'.repeat(7000)}]\n`;
    expect(await codeOf(() => findImages(read(text)))).toBe('DOCUMENT_INVALID');
  });
});
