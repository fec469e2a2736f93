import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from 'yaml';
import { code, table } from '../docs/blocks.ts';

const MARK = /^ ?-- /;

/** The table of every value, from the `# -- text` comments of values.yaml. Throws where a value has none. */
export function valuesTable(valuesYaml: string): string {
  const document = parseDocument(valuesYaml);
  if (!isMap(document.contents)) throw new Error('values.yaml is no mapping');
  return table(['value', 'default', 'meaning'], rowsOf(document.contents, '', false));
}

function rowsOf(map: YAMLMap, path: string, isExplained: boolean): readonly (readonly string[])[] {
  return map.items.flatMap((pair, at) => {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const own = path === '' ? key : `${path}.${key}`;
    const about = aboutOf(pair, at === 0 ? map.commentBefore : undefined);
    const { value } = pair;
    const below = isMap(value) ? rowsOf(value, own, isExplained || about !== undefined) : [];
    if (about !== undefined) return [[code(own), defaultOf(value), about], ...below];
    if (below.length === 0 && !isExplained) throw new Error(`${own} has no "# -- text" in values.yaml`);
    return below;
  });
}

/** The last comment that is marked; what stands above it is for readers of the file. */
function aboutOf({ key }: Pair, ofMap: string | null | undefined): string | undefined {
  const comment = (isScalar(key) ? key.commentBefore : undefined) ?? ofMap ?? '';
  const line = comment.split('\n').findLast((one) => MARK.test(one));
  return line?.replace(MARK, '');
}

function defaultOf(value: unknown): string {
  const plain: unknown = JSON.parse(JSON.stringify(value));
  return plain === '' || plain === null
    ? ''
    : code(typeof plain === 'string' ? plain : JSON.stringify(plain));
}
