import { describe, expect, it } from '@jest/globals';
import { makeApprover } from '../../../src/controller/approvals.ts';
import type { Accept, ApprovalRequest } from '../../../src/controller/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { loggedRecord } from '../../support/verdicts.ts';

const TAG = 'ghcr.io/acme/api:1.4.2';
const { signal } = new AbortController();

const request: ApprovalRequest = {
  name: 'api',
  reference: TAG,
  fromDigest: digestOfA,
  toDigest: digestOfB,
  reason: 'rebuilt for a fix',
  requestedBy: 'alice@example.com',
};

function setUp(accept?: Accept) {
  const asked: Parameters<Accept>[0][] = [];
  const approve = makeApprover({
    ledger: { latest: () => Promise.resolve({ record: loggedRecord(TAG), logged: true }) },
    accept:
      accept ??
      ((wish) => {
        asked.push(wish);
        const record = { ...loggedRecord(TAG, digestOfB), generation: 1 };
        return Promise.resolve({ kind: 'accepted', found: { record } });
      }),
    incident: () => 'id-1',
  });
  return { approve, asked };
}

describe('an approval', () => {
  it('becomes the next generation, in the name of who made it', async () => {
    const { approve, asked } = setUp();
    await expect(approve(request, signal)).resolves.toMatchObject({ phase: 'Accepted', generation: 1 });
    expect(asked).toMatchObject([
      {
        reference: { canonical: TAG },
        digest: digestOfB,
        approval: { by: 'alice@example.com', reason: 'rebuilt for a fix' },
      },
    ]);
  });

  it.each<[string, Partial<ApprovalRequest>]>([
    ['of no tag', { reference: 'ghcr.io/acme/api@' + digestOfA }],
    ['of a tag with a digest', { reference: `${TAG}@${digestOfA}` }],
    ['of junk', { reference: '::' }],
    ['to no digest', { toDigest: 'latest' }],
    ['from no digest', { fromDigest: 'sha256:1' }],
    ['from a digest that the tag does not mean', { fromDigest: `sha256:${'c'.repeat(64)}` }],
    ['with a reason of two lines', { reason: 'a\nb' }],
    ['without a reason', { reason: '' }],
    ['by somebody whose name does not print', { requestedBy: 'a\u0000b' }],
  ])('%s is refused for good, and nothing is accepted', async (_what, change) => {
    const { approve, asked } = setUp();
    await expect(approve({ ...request, ...change }, signal)).resolves.toMatchObject({ phase: 'Refused' });
    expect(asked).toEqual([]);
  });

  it.each<[ErrorCode, 'Pending' | 'Refused']>([
    ['LOG_UNAVAILABLE', 'Pending'],
    ['STORE_UNAVAILABLE', 'Pending'],
    ['REGISTRY_UNAVAILABLE', 'Pending'],
    ['KUBERNETES_UNAVAILABLE', 'Pending'],
    ['INTERNAL', 'Pending'],
    ['DIGEST_MISMATCH', 'Refused'],
    ['RECORD_INVALID', 'Refused'],
    ['LOG_FORKED', 'Refused'],
  ])('that fails with %s is %s', async (code, phase) => {
    const { approve } = setUp(() => Promise.reject(new AppError({ code, message: 'told' })));
    await expect(approve(request, signal)).resolves.toMatchObject({ phase });
  });

  it('of a tag without a record is refused', async () => {
    const { approve } = setUp(() => Promise.resolve({ kind: 'unknown' }));
    await expect(approve(request, signal)).resolves.toMatchObject({ phase: 'Refused' });
  });
});
