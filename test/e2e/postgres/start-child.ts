import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order } from './store-child.ts';

interface Answer {
  readonly answer?: unknown;
  readonly failed?: string;
}

export interface StoreChild extends AsyncDisposable {
  ask(order: Order): Promise<unknown>;
}

/** Starts `store-child.ts`; it has this many MB for what it keeps. */
export async function startChild(heapMb = 256): Promise<StoreChild> {
  const child = fork(fileURLToPath(new URL('store-child.ts', import.meta.url)), [], {
    execArgv: ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${heapMb}`],
  });
  const exited = once(child, 'exit').then(() => Promise.reject(new Error('the child ended')));
  exited.catch(() => undefined);

  async function answer(): Promise<unknown> {
    const [message] = (await Promise.race([once(child, 'message'), exited])) as [Answer];
    const { answer: said, failed } = message;
    if (failed !== undefined) throw new Error(failed);
    return said;
  }

  await answer();
  return {
    async ask(order) {
      const said = answer();
      child.send(order);
      return said;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.send({ kind: 'close' } satisfies Order);
      await exited.catch(() => undefined);
    },
  };
}
