import type { StateDocument, StateStore } from '../../src/protocol/ports.ts';
import { checkStateDocument, checkStateName } from '../../src/protocol/state-document.ts';

/** State documents without a disk; passes the same contract suite as the real ones. */
export function makeMemoryState(): StateStore {
  const documents = new Map<string, StateDocument>();
  return {
    async read(name) {
      checkStateName(name);
      return documents.get(name);
    },
    async write(name, { text, version }) {
      checkStateDocument(name, text);
      const before = documents.get(name);
      if (before?.version !== version) return 'conflict';
      documents.set(name, { text, version: String(Number(version ?? 0) + 1) });
      return 'written';
    },
  };
}
