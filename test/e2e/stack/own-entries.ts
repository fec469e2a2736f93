import { runTagseal } from '../../support/serve.ts';

/** A Rekor v1 gives its leaves one by one, some 100 a second. */
const READING_MS = 60_000;

export interface OwnEntries {
  /** Of the whole log, as its own checkpoint says. */
  readonly treeSize: number;
  /** Digest of the statement of each entry that the signer of the config has made, in the order of the log. */
  readonly statements: readonly string[];
}

/** Reads the whole log as an outsider would, by `tagseal monitor`, with the settings of `folder`. */
export async function ownEntries(folder: string): Promise<OwnEntries> {
  const { code, stdout, stderr } = await runTagseal(
    folder,
    ['monitor', '--once', '--from-start', '-o', 'json'],
    { timeoutMs: READING_MS },
  );
  if (code !== 0) throw new Error(`monitor ended with ${code}:\n${stdout.slice(-2000)}${stderr}`);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MonitorLine);
  const treeSize = events.findLast(({ event }) => event === 'checkpoint')?.treeSize;
  if (treeSize === undefined) throw new Error(`monitor told no checkpoint:\n${stdout.slice(-2000)}`);
  return {
    treeSize,
    statements: events.flatMap(({ event, statementDigest }) =>
      event === 'entry' && statementDigest !== undefined ? [statementDigest] : [],
    ),
  };
}

interface MonitorLine {
  readonly event: string;
  readonly treeSize?: number;
  readonly statementDigest?: string;
}
