// A process that counts up in a state document of a directory store: <dataDir> <times>
import { openDirectoryStore } from '../../src/store/directory-store.ts';
import { SILENT } from './test-log.ts';

const [dataDir = '', times = ''] = process.argv.slice(2);
const { signal } = new AbortController();
let names = 0;
const uniqueName = () => `${process.pid}-${++names}`;
const { state } = openDirectoryStore({ dataDir, uniqueName, logger: SILENT });

for (let won = 0; won < Number(times);) {
  const before = await state.read('count', signal);
  const text = String(Number(before?.text ?? 0) + 1);
  const outcome = await state.write('count', { text, version: before?.version }, signal);
  if (outcome === 'written') won += 1;
}
