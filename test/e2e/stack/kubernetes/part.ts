import { startProcess, type RunningProcess } from '../../../support/start-process.ts';
import type { Restartable } from '../start.ts';
import type { Place } from './place.ts';

/** One program of the cluster. `kill` and `start` keep address, keys and data. */
export interface Part extends Restartable, AsyncDisposable {
  /** What it has written since its last start. */
  output(): string;
}

export interface PartRequest {
  readonly place: Place;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Resolves once it answers; it may watch the process to give up early. */
  ready(process: RunningProcess): Promise<unknown>;
}

/** Starts a program and waits until it is ready; it is killed with the handle. */
export async function startPart(request: PartRequest): Promise<Part> {
  const { place, command, args, env = {} } = request;
  let process: RunningProcess;
  async function start(): Promise<void> {
    process = startProcess(...place.launch(command, args), { env });
    try {
      await request.ready(process);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }
  async function kill(): Promise<void> {
    await process.stop('SIGKILL');
  }
  await start();
  return { start, kill, output: () => process.output(), [Symbol.asyncDispose]: kill };
}
