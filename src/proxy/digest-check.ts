import { createHash } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { ManifestTarget } from './upstream-port.ts';

/** Follows the bytes of a body that must have a digest (OCI image-spec, descriptor.md "Digests"). */
export interface DigestCheck {
  /** Takes the next piece. Gives DIGEST_MISMATCH for the one that ends a body of known length: it must not be sent then. */
  take(piece: Uint8Array): AppError | undefined;
  /** Gives DIGEST_MISMATCH when the body was another one. */
  end(): AppError | undefined;
}

/** `length`: bytes of the body, where they were announced. */
export function makeDigestCheck(target: ManifestTarget, length: number | undefined): DigestCheck {
  const [algorithm = ''] = target.digest.split(':');
  const hash = createHash(algorithm);
  let bytes = 0;
  let isRight: boolean | undefined;

  function end(): AppError | undefined {
    isRight ??= `${algorithm}:${hash.digest('hex')}` === target.digest;
    return isRight ? undefined : mismatch(target);
  }

  return {
    take(piece) {
      hash.update(piece);
      bytes += piece.byteLength;
      return bytes === length ? end() : undefined;
    },
    end,
  };
}

function mismatch({ registry, repository, digest }: ManifestTarget): AppError {
  return new AppError({
    code: 'DIGEST_MISMATCH',
    message: `cannot serve blob ${quote(`${registry}/${repository}@${digest}`)}: the registry sent other bytes; ask its operator`,
  });
}
