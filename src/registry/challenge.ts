import { AppError } from '../errors/app-error.ts';

/** One way to authenticate that a server offers (RFC 9110, 11.6.1). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_CHARACTERS = 8 * 1024;
const MAX_CHALLENGES = 16;

const SEPARATOR = /[ \t]*(?:,[ \t]*)*/y;
const PARAMETER = /([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))(?=[ \t]*(?:,|$))/y;
const TOKEN68 = / +[\w.~+/-]+=*(?=[ \t]*(?:,|$))/y;
/** Ends the header or the challenge, or is followed by a token68 or by the first parameter. */
const SCHEME =
  /[\w!#$%&'*+.^`|~-]+(?=[ \t]*(?:,|$)| +[\w.~+/-]+=*[ \t]*(?:,|$)| +[\w!#$%&'*+.^`|~-]+[ \t]*=)/y;

/**
 * Every challenge of every WWW-Authenticate header, in order. A parameter value may be bare even where the grammar wants
 * quotes, as some registries write it. Throws REGISTRY_ANSWER_INVALID for anything else that breaks the grammar, and
 * above 8 KiB or 16 challenges.
 */
export function parseChallenges(headers: readonly string[]): readonly Challenge[] {
  const length = headers.reduce((sum, header) => sum + header.length, 0);
  if (length > MAX_CHARACTERS) throw invalid(`it is longer than ${MAX_CHARACTERS} characters`);
  const challenges = headers.flatMap(parseHeader);
  if (challenges.length > MAX_CHALLENGES) throw invalid(`it offers more than ${MAX_CHALLENGES} challenges`);
  return challenges;
}

function parseHeader(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let position = 0;

  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = position;
    const match = pattern.exec(header);
    if (match !== null) position += match[0].length;
    return match;
  }

  take(SEPARATOR);
  while (position < header.length) {
    const parameter = take(PARAMETER);
    if (parameter !== null) {
      addParameter(challenges.at(-1)?.parameters, parameter);
    } else {
      const scheme = take(SCHEME);
      if (scheme === null) throw invalid(`it breaks the grammar at character ${position + 1}`);
      challenges.push({ scheme: scheme[0].toLowerCase(), parameters: new Map() });
      take(TOKEN68);
    }
    take(SEPARATOR);
  }
  return challenges;
}

function addParameter(parameters: Map<string, string> | undefined, match: RegExpExecArray): void {
  const [, name = '', quoted, bare = ''] = match;
  const key = name.toLowerCase();
  if (parameters === undefined) throw invalid('it begins with a parameter');
  // two values of one name are two readings: refuse rather than pick
  if (parameters.has(key)) throw invalid('it gives one parameter twice');
  parameters.set(key, quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1'));
}

function invalid(why: string): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `cannot read the registry's WWW-Authenticate header: ${why}; check what answers under this host name`,
  });
}
