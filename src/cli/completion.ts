import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script for the shell that completes commands and their options, made from the program itself. */
export function completionScript(program: Command, shell: Shell): string {
  const everywhere = flagsOf(program);
  const commands = program.commands.map((command) => ({
    name: command.name(),
    about: command.description(),
    flags: [...flagsOf(command), ...everywhere],
  }));
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
    case 'fish':
      return fish(commands);
  }
}

interface Completed {
  readonly name: string;
  readonly about: string;
  readonly flags: readonly string[];
}

function flagsOf(command: Command): readonly string[] {
  return command.options.flatMap(({ long }) => (long === undefined ? [] : [long]));
}

function bash(commands: readonly Completed[]): string {
  return [
    '_tagseal() {',
    '  local words',
    '  case "${COMP_WORDS[1]}" in',
    ...commands.map(({ name, flags }) => `    ${name}) words="${flags.join(' ')}" ;;`),
    '  esac',
    `  [ "$COMP_CWORD" -eq 1 ] && words="${commands.map(({ name }) => name).join(' ')}"`,
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _tagseal tagseal',
    '',
  ].join('\n');
}

function fish(commands: readonly Completed[]): string {
  return commands
    .flatMap(({ name, about, flags }) => [
      `complete -c tagseal -n __fish_use_subcommand -a ${name} -d '${about.replaceAll("'", "\\'")}'`,
      ...flags.map(
        (flag) => `complete -c tagseal -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`,
      ),
    ])
    .map((line) => `${line}\n`)
    .join('');
}
