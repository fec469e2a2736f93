import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { ASN1Obj, ByteStream, EXTENSION_OID_SCT, X509Certificate, X509SCTExtension } from '@sigstore/core';
import type { TrustedCtLog } from '../sigstore-trust.ts';
import type { Certificate } from './certificate.ts';
import { isWithin, windowOf, type Window } from './window.ts';

interface CtLog {
  readonly key: KeyObject;
  readonly window: Window;
}

/** Whether a certificate of this issuer was promised to trusted certificate transparency logs. */
export type SctCheck = (certificate: Certificate, issuer: Certificate) => boolean;

/**
 * Checks the promises (SCTs) inside certificates (RFC 6962 section 3.3): where a log is trusted there must be one, and
 * each that is there must be of a trusted log, since one that nobody can check is worth less than none.
 */
export function makeSctCheck(ctlogs: readonly TrustedCtLog[]): SctCheck {
  const logs = new Map<string, readonly CtLog[]>();
  for (const { logId, publicKey } of ctlogs) {
    const key = keyOf(publicKey.rawBytes);
    // of a kind that is not known here: its promises do not count, those of other logs do
    if (key === undefined) continue;
    const log = { key, window: windowOf(publicKey.validFor) };
    logs.set(logId.keyId, [...(logs.get(logId.keyId) ?? []), log]);
  }
  return ({ der, extensions }, issuer) => {
    if (!extensions.has(EXTENSION_OID_SCT)) return ctlogs.length === 0;
    const { scts, preCert } = promisesIn(Buffer.from(der, 'base64'), issuer);
    return (
      scts.length > 0 &&
      scts.every((sct) => {
        const time = Number(sct.timestamp.readBigUInt64BE());
        const candidates = logs.get(sct.logID.toString('base64')) ?? [];
        return candidates.some(({ key, window }) => isWithin(window, time) && sct.verify(preCert, key));
      })
    );
  };
}

/** The promises, and what they were made over: the certificate without them (RFC 6962 section 3.2). */
function promisesIn(der: Buffer, issuer: Certificate) {
  const root = ASN1Obj.parseBuffer(Buffer.from(der));
  const copy = new X509Certificate(root);
  const at = copy.extensions.findIndex((extension) => extension.subs[0]?.toOID() === EXTENSION_OID_SCT);
  const [extension] = copy.extensions.splice(at, 1);
  if (extension === undefined) throw new TypeError('no SCT');
  const tbs = copy.tbsCertificate.toDER();
  const stream = new ByteStream();
  stream.appendView(createHash('sha256').update(issuer.asn1.publicKey).digest());
  stream.appendUint24(tbs.length);
  stream.appendView(tbs);
  return { scts: new X509SCTExtension(extension).signedCertificateTimestamps, preCert: stream.buffer };
}

/** Some CT logs publish their RSA key in the form of PKCS #1. */
function keyOf(rawBytes: string): KeyObject | undefined {
  const key = Buffer.from(rawBytes, 'base64');
  return readKey(key, 'spki') ?? readKey(key, 'pkcs1');
}

function readKey(key: Buffer, type: 'spki' | 'pkcs1'): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: 'der', type });
  } catch {
    // nothing verifies with it, so everything that needs it is refused
    return undefined;
  }
}
