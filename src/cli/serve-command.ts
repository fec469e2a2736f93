import type { Io, Programs } from './ports.ts';

/** Runs the doors until the signal; its own settings hold, not the time limit of a command. */
export async function serveUntilStopped(
  { io, programs }: { readonly io: Io; readonly programs: Programs },
  configFile: string | undefined,
): Promise<void> {
  try {
    const { banner, stopped } = await programs.serve(configFile, io.signal);
    for (const line of banner) io.stderr(`${line}\n`);
    await stopped;
  } catch (error) {
    // stopped while still starting: that is what was asked for
    if (!io.signal.aborted || error !== io.signal.reason) throw error;
  }
}
