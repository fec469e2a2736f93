import { renderReview } from '../../src/admission/response.ts';
import type { RefusalReason } from '../../src/admission/outcome.ts';
import type { DenialReason } from '../../src/check/verdict.ts';
import { exitCodeOfReason } from '../../src/cli/exit-code.ts';
import { ERROR_CODES, isUnavailable, type ErrorCode } from '../../src/errors/code.ts';
import { ERROR_KIND_OF } from '../../src/proxy/oci-error.ts';
import { code, table } from './blocks.ts';

/** Reasons that are verdicts, and not errors: known to every door, or to `/validate` alone. */
const VERDICTS: readonly Exclude<DenialReason, ErrorCode>[] = [
  'TAG_MOVED',
  'DIGEST_NOT_RECORDED',
  'NOT_RECORDED',
];
const VALIDATE_ONLY = 'NOT_PINNED';

/** Every heading that docs/errors.md must have. */
export const DOCUMENTED: readonly string[] = [...VERDICTS, VALIDATE_ONLY, ...ERROR_CODES];

/** The outward forms of each reason, read from the doors themselves. */
export function errorsTable(): string {
  const forms = [...VERDICTS, ...ERROR_CODES].map((reason) => {
    const { status, code: ociCode } = ERROR_KIND_OF[reason];
    const forgiven = isError(reason) && isUnavailable(reason);
    return [
      link(reason),
      String(admissionStatus(reason)),
      `${status} ${code(ociCode)}`,
      String(exitCodeOfReason(reason)),
      forgiven ? 'yes' : '',
    ];
  });
  const validate = [link(VALIDATE_ONLY), String(admissionStatus(VALIDATE_ONLY)), '', '', ''];
  const at = VERDICTS.length;
  return table(
    ['reason', 'admission', 'proxy', 'exit code', 'may be forgiven'],
    [...forms.slice(0, at), validate, ...forms.slice(at)],
  );
}

function isError(reason: DenialReason): reason is ErrorCode {
  return ERROR_CODES.some((known) => known === reason);
}

function link(reason: string): string {
  return `[${code(reason)}](#${reason.toLowerCase()})`;
}

/** What the API server would see for one image that is refused for this reason. */
function admissionStatus(reason: RefusalReason): number {
  const image = { field: 'spec.containers[0].image', reason, message: 'refused' };
  const review: unknown = JSON.parse(
    renderReview('uid', { kind: 'deny', images: [image], warnings: [], auditAnnotations: new Map() }),
  );
  const { response } = review as { response: { status: { code: number } } };
  return response.status.code;
}
