/** What a command has to say; the runner writes it, unless it was interrupted. */
export interface Outcome {
  readonly stdout?: string;
  /** Messages without `tagseal:`; one line each, or a denial. */
  readonly problems?: readonly string[];
  readonly code: number;
}
