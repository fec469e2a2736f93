import type { Io } from './ports.ts';

/** A counter on a terminal's standard error, for work that takes a while; silent elsewhere. */
export function makeProgress(io: Io, what: string): { readonly step: (done: number, total: number) => void } {
  return {
    step(done, total) {
      if (!io.isTerminal || total < 2) return;
      io.stderr(done === total ? '\r\u001b[K' : `\r\u001b[K${what} ${done}/${total}`);
    },
  };
}
