/** The signed head of a log (C2SP tlog-checkpoint): what the note says after its signature was verified. */
export interface Checkpoint {
  readonly origin: string;
  readonly treeSize: number;
  readonly rootHash: Uint8Array;
  /** The whole signed note, as the log sent it. */
  readonly note: string;
}
