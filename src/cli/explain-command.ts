import type { Denial } from '../check/verdict.ts';
import { EXIT } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import { printable } from './printable.ts';
import { toJson, verdictJson } from './render-json.ts';
import { paintOf, renderVerdicts } from './render-verdicts.ts';
import type { ReadSession } from './session.ts';
import { wordOf } from './verdict-word.ts';

/** The steps to the answer in words, and the answer; exits as `check` does. Records nothing. */
export async function explainImage(
  { runtime, options, colors, signal }: ReadSession,
  image: string,
): Promise<Outcome> {
  const { steps, verdict } = await runtime.explain(image, signal);
  const { code, problems = [] } = renderVerdicts([{ image, verdict }], 'json', colors);
  if (options.output === 'json') {
    return { code, problems, stdout: toJson({ ...verdictJson(image, verdict), steps }) };
  }
  const digits = String(steps.length).length;
  const numbered = steps.map(({ says }, i) => `${String(i + 1).padStart(digits + 1)}. ${printable(says)}\n`);
  const word = wordOf(verdict);
  const answer = `answer: ${paintOf(word, colors)(word)}${code === EXIT.ok ? '' : `, exit code ${code}`}\n`;
  const denial = 'denial' in verdict && problems.length === 0 ? `\n${withoutAdvice(verdict.denial)}\n` : '';
  return { code, problems, stdout: `${printable(image)}\n${numbered.join('')}${answer}${denial}` };
}

/** The last step has told it. */
function withoutAdvice({ message }: Denial): string {
  const lines = message.split('\n');
  return lines.slice(0, Math.max(1, lines.length - 1)).join('\n');
}
