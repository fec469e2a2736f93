import { parsePostgresUrl } from '../../../src/config/postgres-url.ts';
import type { OpenedStore } from '../../../src/store/opened-store.ts';
import { openPostgresStore } from '../../../src/store/postgres-store.ts';
import { SILENT } from '../../support/test-log.ts';

export const NEVER = new AbortController().signal;

export interface HowToOpen {
  readonly maxConnections?: number;
  /** PEM. */
  readonly ca?: string;
}

export function openAt(url: string, { maxConnections = 4, ca }: HowToOpen = {}): Promise<OpenedStore> {
  const server = parsePostgresUrl(url, { hasCa: ca !== undefined });
  return openPostgresStore(
    { server: { ...server, ...(ca !== undefined && { ca }) }, maxConnections, logger: SILENT },
    NEVER,
  );
}
