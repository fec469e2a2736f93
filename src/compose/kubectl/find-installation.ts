import type { ClusterOptions } from '../../cli/kubectl/ports.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { KubeApi } from '../../kube/api.ts';
import { listPublicMaps, publicMapName, readPublicMap, type PublicMap } from '../../kube/public-map.ts';
import { CONFIG_MAPS, configMapsIn } from '../../kube/resources.ts';

/** As the docs install it. */
const USUAL = { namespace: 'tagseal-system', name: 'tagseal' };

type Wish = Pick<ClusterOptions, 'tagsealNamespace' | 'tagsealName'>;

/**
 * The installation that is named, or the only one: a caller who may not list ConfigMaps gets the one that stands where
 * the docs put it. Throws KUBERNETES_*, and CONFIG_INVALID that says which flag to give.
 */
export async function findInstallation(
  api: Pick<KubeApi, 'get' | 'listPage'>,
  wish: Wish,
  signal: AbortSignal,
): Promise<PublicMap> {
  const found = await listed(api, wish, signal);
  if (found !== undefined && found.length > 0) return only(found);
  const { tagsealNamespace: namespace = USUAL.namespace, tagsealName = USUAL.name } = wish;
  const place = { namespace, name: publicMapName(tagsealName) };
  const map = found === undefined ? await readPublicMap(api, place, signal) : undefined;
  if (map !== undefined) return map;
  throw missing(place, {
    isWholeCluster:
      found !== undefined && wish.tagsealNamespace === undefined && wish.tagsealName === undefined,
  });
}

/** Undefined where the caller may not list them. */
async function listed(
  api: Pick<KubeApi, 'listPage'>,
  { tagsealNamespace, tagsealName }: Wish,
  signal: AbortSignal,
): Promise<readonly PublicMap[] | undefined> {
  const place = tagsealNamespace === undefined ? CONFIG_MAPS : configMapsIn(tagsealNamespace);
  try {
    const maps = await listPublicMaps(api, place, signal);
    return maps.filter(({ name }) => tagsealName === undefined || name === publicMapName(tagsealName));
  } catch (error) {
    if (error instanceof AppError && error.code === 'KUBERNETES_REFUSED') return undefined;
    throw error;
  }
}

function only(found: readonly PublicMap[]): PublicMap {
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return first;
  const flags = found.map(
    ({ namespace, name }) =>
      `--tagseal-namespace ${namespace} --tagseal-name ${name.slice(0, -publicMapName('').length)}`,
  );
  throw new AppError({
    code: 'CONFIG_INVALID',
    message: `cannot tell which Tagseal is meant: there are ${found.length} in the cluster; give ${flags.join(', or ')}`,
  });
}

function missing(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { isWholeCluster }: { readonly isWholeCluster: boolean },
): AppError {
  const what = isWholeCluster
    ? 'no namespace of the cluster has a public ConfigMap of Tagseal'
    : `there is no ConfigMap ${quote(name)} in namespace ${quote(namespace)}`;
  const todo = isWholeCluster
    ? 'install it, and see that its controller runs'
    : 'say where it is installed with --tagseal-namespace, and its release with --tagseal-name';
  return new AppError({ code: 'CONFIG_INVALID', message: `cannot find Tagseal: ${what}; ${todo}` });
}
