import type { Verdict } from '../../check/verdict.ts';
import { pinnedText } from '../../reference/parse-reference.ts';

/** What is to be written for an image: its pinned text, itself, or nothing when there is no yes for it. */
export function pinOf(image: string, verdict: Verdict): string | undefined {
  switch (verdict.kind) {
    case 'admit': {
      const { reference, pin, rewrite } = verdict;
      if (reference.digest !== undefined) return image;
      // `rewrite: none` is about Pods at admission; who runs `pin` wants the text rewritten
      return pinnedText(reference, pin, rewrite === 'digest' ? 'digest' : 'tagDigest');
    }
    case 'exempt':
    case 'report':
      return image;
    case 'deny':
    case 'pending':
      return undefined;
  }
}
