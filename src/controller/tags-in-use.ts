import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { TagReference } from '../reference/reference.ts';
import type { PodImage, ScannedPod } from './ports.ts';

export interface ImageInUse {
  readonly pod: Pick<ScannedPod, 'namespace' | 'name' | 'uid'>;
  readonly image: PodImage;
}

export interface RunningTag {
  readonly reference: TagReference;
  readonly uses: readonly ImageInUse[];
}

export interface TagsInUse {
  /** By canonical reference. */
  readonly tags: ReadonlyMap<string, RunningTag>;
  readonly pods: number;
  /** Images that were left out, since there are too many. */
  readonly skipped: number;
}

const MAX_TAGS = 50_000;
const MAX_IMAGES = 500_000;

/** The tags that Pods name. An image that names no tag, or that is no reference, has no record to compare with. */
export async function gatherTags(pages: AsyncIterable<readonly ScannedPod[]>): Promise<TagsInUse> {
  const tags = new Map<string, { reference: TagReference; uses: ImageInUse[] }>();
  let pods = 0;
  let images = 0;
  let skipped = 0;
  for await (const page of pages) {
    pods += page.length;
    for (const { pod, image, reference } of page.flatMap(imagesOf)) {
      const known = tags.get(reference.canonical);
      const isFull = images >= MAX_IMAGES || (known === undefined && tags.size >= MAX_TAGS);
      if (isFull) {
        skipped += 1;
        continue;
      }
      images += 1;
      if (known === undefined) tags.set(reference.canonical, { reference, uses: [{ pod, image }] });
      else known.uses.push({ pod, image });
    }
  }
  return { tags, pods, skipped };
}

function imagesOf({ namespace, name, uid, images }: ScannedPod) {
  const pod = { namespace, name, uid };
  return images.flatMap((image) => {
    const reference = tagOf(image.text);
    return reference === undefined ? [] : [{ pod, image, reference }];
  });
}

/** The tag alone: what the Pod pins beside it is compared by what runs. */
function tagOf(text: string): TagReference | undefined {
  try {
    const reference = parseReference(text);
    if (!isTagReference(reference)) return undefined;
    const tag = parseReference(reference.canonical);
    return isTagReference(tag) ? tag : undefined;
  } catch {
    // the API server takes any text as an image; one that is no reference never runs
    return undefined;
  }
}
