import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { denialMessage } from '../../../src/admission/denial-text.ts';

const field = (index: number) => `spec.containers[${index}].image`;

describe('denialMessage', () => {
  it('puts the field at the end of the first line and leaves the others alone', () => {
    expect(denialMessage([{ field: field(0), message: 'tag moved: a:1\n  now x\nuse b' }])).toBe(
      'tag moved: a:1 (spec.containers[0].image)\n  now x\nuse b',
    );
  });

  it('tells a single line of a single image', () => {
    expect(denialMessage([{ field: field(0), message: 'no verdict' }])).toBe(
      'no verdict (spec.containers[0].image)',
    );
  });

  it('counts the fields of one text beyond four', () => {
    const images = Array.from({ length: 6 }, (_, i) => ({ field: field(i), message: 'moved' }));
    expect(denialMessage(images)).toBe(`moved (${[0, 1, 2, 3].map(field).join(', ')} and 2 more)`);
  });

  it('names by their fields the images that no longer fit', () => {
    const images = [0, 1, 2].map((i) => ({ field: field(i), message: `${i}${'x'.repeat(600)}` }));
    expect(denialMessage(images)).toBe(
      `0${'x'.repeat(600)} (${field(0)})\nalso denied: ${field(1)}, ${field(2)}`,
    );
  });

  it('stays near 1 kB for any number of images of ordinary length', () => {
    const image = fc.record({ field: fc.nat(127).map(field), message: fc.string({ maxLength: 400 }) });
    fc.assert(
      fc.property(fc.array(image, { minLength: 1, maxLength: 128 }), (images) => {
        expect(Buffer.byteLength(denialMessage(images))).toBeLessThanOrEqual(1024 + 600);
      }),
      { numRuns: 300 },
    );
  });
});
