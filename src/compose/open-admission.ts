import { makeHandleReview } from '../admission/handler.ts';
import { makeLoopDetector } from '../admission/loop-detector.ts';
import { makeAdmissionRouter } from '../admission/router.ts';
import { makeCheckWorkload } from '../check/check-workload.ts';
import { startServer } from '../http/server.ts';
import { systemClock } from '../observe/clock.ts';
import { renewCertificate } from './renewed-certificate.ts';
import type { House } from './serve.ts';
import { namesFor, servingCertificate } from './serving-certificate.ts';

/** The webhook, HTTPS, and the renewal of its certificate. Throws CONFIG_INVALID, KEY_INVALID, KUBERNETES_*, ADDRESS_IN_USE. */
export async function openAdmission({
  config,
  core,
  cluster,
  logger,
  metrics,
  servers,
  banner,
  life,
}: House): Promise<void> {
  const authority = cluster?.authority;
  const { tls, listen } = config.admission;
  const certificate = servingCertificate({
    tls,
    dataDir: config.dataDir,
    names: namesFor(listen, 'admission.listen'),
    clock: systemClock,
    ...(authority && { cluster: authority }),
  });
  const served = await certificate.current(life);
  const handleReview = makeHandleReview({
    checkWorkload: makeCheckWorkload(core.checkImageWith(core.registry)),
    workloads: config.admission.workloads,
    ...(cluster && { namespaces: cluster.namespaces }),
    ...(cluster?.pullSecrets && { pullSecrets: cluster.pullSecrets }),
    ...(config.admission.loopDetector === 'warn' && { loops: makeLoopDetector(systemClock) }),
    logger,
    metrics,
    clock: systemClock,
  });
  const server = await startServer({
    listen: config.admission.listen,
    setting: 'admission.listen',
    handler: makeAdmissionRouter({ handleReview, logger }),
    certificate: served,
  });
  servers.push(server);
  const trust = certificate.caFile === undefined ? '' : `  (CA ${certificate.caFile})`;
  banner.push(`admission  ${server.url}${trust}`);
  renewCertificate({ ...certificate, served, server, life, logger });
}
