import type { RunningServer, ServerCertificate } from '../http/server.ts';
import type { Logger } from '../observe/log.ts';
import { runInBackground } from './background.ts';

export interface RenewalParts {
  /** What is served from the start. */
  readonly served: ServerCertificate;
  readonly current: (signal: AbortSignal) => Promise<ServerCertificate>;
  readonly everyMs: number;
  readonly server: RunningServer;
  readonly life: AbortSignal;
  readonly logger: Logger;
}

/** Looks for a new certificate now and then; one that cannot be used leaves the old one in place, and is logged. */
export function renewCertificate({ served, current, everyMs, server, life, logger }: RenewalParts): void {
  let last = served;
  async function renew(signal: AbortSignal): Promise<void> {
    const next = await current(signal);
    if (next.cert === last.cert && next.key === last.key && next.clientCa === last.clientCa) return;
    server.replaceCertificate(next);
    last = next;
    logger.info('certificate.renewed', {});
  }
  runInBackground(
    {
      name: 'certificate.renew',
      everyMs,
      run: (signal) =>
        renew(signal).catch((error: unknown) => logger.error('certificate.notRenewed', { error })),
    },
    life,
    logger,
  );
}
