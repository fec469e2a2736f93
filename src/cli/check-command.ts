import { askAll } from './ask.ts';
import type { Outcome } from './outcome.ts';
import { makeProgress } from './progress.ts';
import { renderVerdicts } from './render-verdicts.ts';
import type { ReadSession } from './session.ts';

/** `check` and `record`, which differ in `mayRecord` alone. */
export async function checkImages(
  { io, runtime, options, colors, signal }: ReadSession,
  images: readonly string[],
  mayRecord: boolean,
): Promise<Outcome> {
  const progress = makeProgress(io, mayRecord ? 'recording' : 'checking');
  const verdicts = await askAll(images, {
    checkImage: runtime.checkImage,
    context: { origin: 'cli', mayRecord, mayResolve: true, signal },
    onAnswer: progress.step,
  });
  const answers = [...verdicts].map(([image, verdict]) => ({ image, verdict }));
  return renderVerdicts(answers, options.output, colors);
}
