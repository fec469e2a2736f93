import { makeSingleFlight } from '../../cache/single-flight.ts';
import { makeTtlCache } from '../../cache/ttl-cache.ts';
import { quote } from '../../errors/quote.ts';
import type { Clock } from '../../protocol/ports.ts';
import type { Credential, CredentialSource } from '../credential.ts';
import { cloudOf, type CloudName } from './cloud-of.ts';

/** What a cloud gives to whoever runs in it. */
export interface CloudCredential {
  readonly username: string;
  readonly password: string;
  /** For so long it is good. */
  readonly seconds: number;
  /** Who gave it, for messages. */
  readonly service: string;
}

/** Throws CREDENTIALS_INVALID. */
export type AskCloud = (registry: string, signal: AbortSignal) => Promise<CloudCredential>;

export interface AmbientOptions {
  /** Asked first: what somebody has written down goes before what the machine is. */
  readonly written: CredentialSource;
  readonly clouds: Readonly<Partial<Record<CloudName, AskCloud>>>;
  readonly clock: Clock;
}

const MAX_REGISTRIES = 256;
const MINUTE_MS = 60_000;
/** A credential is asked for anew so long before its end. */
const AHEAD_MS = 5 * MINUTE_MS;
const LONGEST_MS = 60 * MINUTE_MS;

/** Credentials of the machine's or workload's own identity, for the registries of its cloud. */
export function makeAmbientCredentials({ written, clouds, clock }: AmbientOptions): CredentialSource {
  const flights = makeSingleFlight<Credential>();
  const kept = makeTtlCache<Credential>({ max: MAX_REGISTRIES, now: () => clock.now() });

  async function ambient(ask: AskCloud, registry: string, signal: AbortSignal): Promise<Credential> {
    const { username, password, seconds, service } = await ask(registry, signal);
    const source = `the credentials for ${quote(registry)} from ${service}`;
    const credential = { kind: 'basic', username, password, source } as const;
    const ms = Math.min(seconds * 1000 - AHEAD_MS, LONGEST_MS);
    if (ms > 0) kept.set(registry, credential, ms);
    return credential;
  }

  return {
    async find(registry, repository, signal) {
      const found = await written.find(registry, repository, signal);
      if (found.kind !== 'anonymous') return found;
      const cloud = cloudOf(registry);
      const ask = cloud && clouds[cloud.name];
      if (ask === undefined) return found;
      return (
        kept.get(registry) ??
        (await flights.run(registry, (shared) => ambient(ask, registry, shared), signal))
      );
    },
  };
}
