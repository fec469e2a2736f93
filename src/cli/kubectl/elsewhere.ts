import type { Command } from 'commander';
import { AppError } from '../../errors/app-error.ts';

/** What the caller of kubectl cannot do, for want of a signing key, and what to do instead. */
const ELSEWHERE = {
  record:
    'tags are recorded in the cluster, by the first Pod of them; in CI use tagseal record with a config of the same keys, scope and store',
  restore: 'records are restored by tagseal restore with a config of the same keys, scope and store',
  import: 'records are imported by tagseal import with a config of the same keys, scope and store',
  identity: 'kubectl tagseal verify tells who has signed a record',
  monitor: 'a log is watched by tagseal monitor with --log-url and --trusted-root, and needs no cluster',
  serve: 'install it in the cluster with its chart: helm install tagseal charts/tagseal',
  completion: 'a plugin of kubectl has none; for the tagseal program itself: tagseal completion',
} as const;

/** The commands of `tagseal` that are none here, so that who tries one is told. */
export function elsewhereCommands(program: Command): void {
  for (const [name, what] of Object.entries(ELSEWHERE)) {
    program
      .command(name, { hidden: true })
      .argument('[anything...]')
      .allowUnknownOption()
      .action(() => {
        throw new AppError({
          code: 'CONFIG_INVALID',
          message: `cannot ${name} as a plugin of kubectl: ${what}`,
        });
      });
  }
}
