import type { Digest } from '../../reference/digest.ts';
import type { TagReference } from '../../reference/reference.ts';
import type { ReadRuntime } from '../ports.ts';

/** Which cluster, as whom, and which installation of Tagseal in it. */
export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Of the Pods that a command is about; default of `scan`: the context's. */
  readonly namespace?: string;
  /** Where Tagseal is installed; default: found. */
  readonly tagsealNamespace?: string;
  /** The name of its release; default: found. */
  readonly tagsealName?: string;
}

export interface ApprovalWish {
  readonly reference: TagReference;
  readonly digest: Digest;
  readonly reason: string;
  /** What the tag means until now; absent: whatever that is. */
  readonly from?: Digest;
}

/** A TagApproval as the controller has answered it so far; no phase: not at all. */
export interface ApprovalSeen {
  /** Of the object. */
  readonly name: string;
  readonly phase?: 'Accepted' | 'Refused' | 'Pending';
  readonly generation?: number;
  readonly message?: string;
}

/**
 * A cluster as the caller of kubectl may see it. It has no key: what it reads it verifies by what the installation
 * publishes, and what is to be recorded the controller records. Throws KUBERNETES_*, and as ReadRuntime.
 */
export interface ClusterRuntime extends ReadRuntime {
  /** Makes a TagApproval; then tells each answer, until it is Accepted or Refused. */
  approve(wish: ApprovalWish, signal: AbortSignal): AsyncIterable<ApprovalSeen>;
}
