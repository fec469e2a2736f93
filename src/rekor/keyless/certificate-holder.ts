import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { makeSingleFlight } from '../../cache/single-flight.ts';
import type { Logger } from '../../observe/log.ts';
import type { Clock } from '../../protocol/ports.ts';
import type { Fulcio } from './fulcio.ts';
import type { SigningCertificate } from './signing-certificate.ts';

/** Less than this before its end a certificate signs nothing more: the signature must still reach log and timestamp. */
const MARGIN_MS = 30_000;
/** What is left of its lifetime when the next one is fetched. */
const RENEWED_AT = 1 / 3;
const RENEWAL_PAUSE_MS = 10_000;
const FLIGHT = 'certificate';

/** A certificate and the ephemeral key that it is for. */
export interface Certified {
  readonly certificate: SigningCertificate;
  readonly privateKey: KeyObject;
}

/** One certificate at a time, used as long as it lives. */
export interface CertificateHolder {
  /** Waits for Fulcio only where there is none to sign with. Throws as `certify` and `accept`. */
  current(signal: AbortSignal): Promise<Certified>;
  /** It cannot be used, whatever the clocks say. */
  drop(certified: Certified): void;
  /** Whether something that gets its time now gets it within this certificate's lifetime. */
  isUsable(certificate: SigningCertificate): boolean;
}

export interface CertificateHolderOptions {
  readonly fulcio: Fulcio;
  /** Throws when the certificate is not for whom it should be; then it is never used. */
  readonly accept: (certificate: SigningCertificate) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function makeCertificateHolder(options: CertificateHolderOptions): CertificateHolder {
  const { fulcio, accept, clock, logger } = options;
  const flights = makeSingleFlight<Certified>();
  const unhurried = new AbortController().signal;
  let held: Certified | undefined;
  let nextRenewal = 0;
  let skew = 0;

  const now = (): number => clock.now() + skew;
  const isUsable = ({ notAfter }: SigningCertificate): boolean => now() < notAfter - MARGIN_MS;

  async function fetchOne(signal: AbortSignal): Promise<Certified> {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = await fulcio.certify(privateKey, signal);
    accept(certificate);
    skew = skewOf(certificate, clock.now());
    held = { certificate, privateKey };
    const { identity, issuer, notAfter } = certificate;
    const fields = { identity, issuer, notAfter: new Date(notAfter).toISOString(), skewMs: skew };
    logger.info('signer.certified', fields, 'have a new signing certificate');
    return held;
  }

  /** In the background: signatures go on with the old one. */
  function renewAhead({ notBefore, notAfter }: SigningCertificate): void {
    const isDue = now() >= notAfter - (notAfter - notBefore) * RENEWED_AT;
    if (!isDue || clock.now() < nextRenewal) return;
    nextRenewal = clock.now() + RENEWAL_PAUSE_MS;
    flights.run(FLIGHT, fetchOne, unhurried).catch((error: unknown) => {
      // who cannot sign without it will see the error; until then there is time
      logger.warn('signer.notRenewed', { error }, 'cannot renew the signing certificate; will try again');
    });
  }

  return {
    isUsable,
    async current(signal) {
      if (held === undefined || !isUsable(held.certificate)) return flights.run(FLIGHT, fetchOne, signal);
      renewAhead(held.certificate);
      return held;
    },
    drop(certified) {
      if (held === certified) held = undefined;
    },
  };
}

/**
 * What to add to the machine's time to have Fulcio's. A new certificate that seems half over, or not begun, says that the
 * machine's clock is off; less does no harm.
 */
function skewOf({ notBefore, notAfter }: SigningCertificate, now: number): number {
  const isPlausible = now >= notBefore - MARGIN_MS && now < (notBefore + notAfter) / 2;
  return isPlausible ? 0 : notBefore - now;
}
