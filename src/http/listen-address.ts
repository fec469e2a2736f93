import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

export interface ListenAddress {
  /** Absent: every interface. */
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const HOST_AND_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):([0-9]{1,5})$/;

/** Reads `host:port`, `[ipv6]:port` or `:port`. Throws CONFIG_INVALID that names the setting. */
export function parseListenAddress(text: string, setting: string): ListenAddress {
  const [, ipv6, name, digits] = HOST_AND_PORT.exec(text) ?? [];
  const port = digits === undefined ? Number.NaN : Number(digits);
  if (!(port <= 65_535)) {
    throw new AppError({
      code: 'CONFIG_INVALID',
      message: `cannot listen on ${quote(text)}: it is not "host:port"; set ${setting} to an address like "127.0.0.1:5050" or ":5050"`,
    });
  }
  const host = ipv6 ?? name ?? '';
  return host === '' ? { port } : { host, port };
}
