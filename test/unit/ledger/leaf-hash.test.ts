import { describe, expect, it } from '@jest/globals';
import { emptyRoot, leafHash, nodeHash, sameHash } from '../../../src/ledger/leaf-hash.ts';
import { sha256 } from '../../support/naive-merkle.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('leafHash', () => {
  it('hashes the empty leaf as RFC 6962 implementations do', () => {
    expect(hex(leafHash(new Uint8Array()))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
  });

  it('puts 0x00 before the body', () => {
    const body = Buffer.from('body');
    expect(hex(leafHash(body))).toBe(hex(sha256(Uint8Array.of(0), body)));
  });
});

describe('nodeHash', () => {
  it('puts 0x01 before the left and the right child', () => {
    const [left, right] = [leafHash(Buffer.from('l')), leafHash(Buffer.from('r'))];
    expect(hex(nodeHash(left, right))).toBe(hex(sha256(Uint8Array.of(1), left, right)));
  });

  it('tells left from right', () => {
    const [left, right] = [leafHash(Buffer.from('l')), leafHash(Buffer.from('r'))];
    expect(hex(nodeHash(left, right))).not.toBe(hex(nodeHash(right, left)));
  });
});

describe('emptyRoot', () => {
  it('is SHA-256 of nothing', () => {
    expect(hex(emptyRoot())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('sameHash', () => {
  it('is true for equal bytes in different containers', () => {
    expect(sameHash(Uint8Array.of(1, 2), Buffer.from([1, 2]))).toBe(true);
  });

  it('is false for other bytes and for a prefix', () => {
    expect(sameHash(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(sameHash(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  });
});
