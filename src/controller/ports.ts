import type { Approval, KnownRecord } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';

/** A TagApproval as the cluster has it; its texts are not checked yet. */
export interface ApprovalRequest {
  /** Of the object. */
  readonly name: string;
  readonly reference: string;
  /** Absent: whatever the tag means now. */
  readonly fromDigest?: string;
  readonly toDigest: string;
  readonly reason: string;
  /** Who made the object, as the API server told our webhook; absent where that was not asked. */
  readonly requestedBy?: string;
}

export type ApprovalAnswer =
  | { readonly phase: 'Accepted'; readonly generation: number; readonly message: string }
  /** For good: a new object is needed. */
  | { readonly phase: 'Refused'; readonly message: string }
  /** Tried again. */
  | { readonly phase: 'Pending'; readonly message: string };

/** Makes a move the next generation of its tag. Throws as `Ledger` and `Resolver` do, and DIGEST_MISMATCH. */
export type Accept = (
  request: { readonly reference: TagReference; readonly digest: Digest; readonly approval: Approval },
  signal: AbortSignal,
) => Promise<
  | { readonly kind: 'accepted' | 'present' | 'pending'; readonly found: { readonly record: KnownRecord } }
  /** The tag has no record. */
  | { readonly kind: 'unknown' }
>;

/** One image of a running Pod. */
export interface PodImage {
  readonly container: string;
  /** As the Pod's spec has it. */
  readonly text: string;
  /** What the node says it runs; absent where it says nothing that can be compared. */
  readonly running?: Digest;
}

export interface ScannedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly images: readonly PodImage[];
}

/** What a tag was found to be. `Gone`: the registry does not know it any more; `Unknown`: nobody could be asked. */
export type ObservedState = 'Same' | 'Moved' | 'Gone' | 'Unknown';

export interface Observed {
  readonly state: ObservedState;
  /** What the tag points to now. */
  readonly digest?: Digest;
}

/** Who an Event is about. */
export type EventSubject =
  | { readonly kind: 'Pod'; readonly namespace: string; readonly name: string; readonly uid: string }
  | { readonly kind: 'TagRecord'; readonly record: KnownRecord };

export interface ClusterEvent {
  readonly about: EventSubject;
  /** CamelCase, for machines. */
  readonly reason: 'TagMoved' | 'TagGone' | 'DigestNotRecorded';
  readonly message: string;
}

/** Where a scan looks and where it leaves what it saw; it changes nothing else. Throws KUBERNETES_*. */
export interface ScanPlace {
  /** Pods of the namespaces that opted in, some at a time. */
  pods(signal: AbortSignal): AsyncIterable<readonly ScannedPod[]>;
  /** Beside the record; says what was there before. */
  observe(record: KnownRecord, observed: Observed, signal: AbortSignal): Promise<ObservedState | undefined>;
  tell(event: ClusterEvent, signal: AbortSignal): Promise<void>;
}
