/** Where programs run and at which address they are reached: on the host's loopback, or in a namespace of their own. */
export interface Place {
  /** IPv4 address at which this process, and everything else of the place, reaches what runs there. */
  readonly address: string;
  /** The command line that starts a program there. */
  launch(command: string, args: readonly string[]): readonly [command: string, args: readonly string[]];
}

export const LOOPBACK: Place = { address: '127.0.0.1', launch: (command, args) => [command, args] };
