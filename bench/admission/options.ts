import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Known tags. */
  readonly tags: number;
  readonly rounds: number;
  /** Of one contender in one round. */
  readonly seconds: number;
  /** Keep-alive connections, as many as an API server keeps to a webhook. */
  readonly connections: number;
  /** For the measured program, for example `--cpu-prof`. */
  readonly nodeFlags: readonly string[];
  /** End to end: Pods are created on a real API server, with Tagseal as its webhook and without. */
  readonly apiServer: boolean;
}

/** Throws a RangeError for what is no number in bounds, and what parseArgs throws. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tags: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '25' },
      'node-flags': { type: 'string', default: '' },
      'api-server': { type: 'boolean', default: false },
    },
  });
  return {
    tags: count('tags', values.tags, 200_000),
    rounds: count('rounds', values.rounds, 100),
    seconds: count('seconds', values.seconds, 600),
    connections: count('connections', values.connections, 1000),
    nodeFlags: values['node-flags'].split(' ').filter((flag) => flag !== ''),
    apiServer: values['api-server'],
  };
}

function count(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`--${name} must be a whole number from 1 to ${max}`);
}
