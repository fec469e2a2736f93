import { createHash } from 'node:crypto';
import { parseBinding, parseClaim } from '../../ledger/statement.ts';

/** What a statement says that somebody gave us; a log has only its hash. */
export type KnownStatement =
  | { readonly kind: 'claim'; readonly claimId: string; readonly scope: string }
  | {
      readonly kind: 'binding';
      readonly reference: string;
      readonly digest: string;
      readonly generation: number;
      readonly claimId: string;
      readonly scope: string;
    };

/** Two digests that one ledger gave one generation of one tag: somebody was told another story. */
export interface Conflict {
  readonly reference: string;
  readonly generation: number;
  readonly entries: readonly { readonly index: number; readonly digest: string }[];
}

export interface KnownStatements {
  /** Throws RECORD_INVALID for what is no statement of Tagseal. */
  add(statement: string): void;
  meaning(statementDigest: string): KnownStatement | undefined;
  /** Tells of an entry in the log; a conflict when it contradicts one told before. */
  seen(statementDigest: string, index: number): Conflict | undefined;
}

type Binding = Extract<KnownStatement, { kind: 'binding' }>;

/** Statements by the hash that a log has of them. */
export function makeKnownStatements(): KnownStatements {
  const statements = new Map<string, KnownStatement>();
  const firstBinding = new Map<string, { readonly index: number; readonly digest: string }>();
  return {
    add(statement) {
      const digest = createHash('sha256').update(statement, 'utf8').digest('hex');
      statements.set(digest, parse(statement));
    },
    meaning: (statementDigest) => statements.get(statementDigest),
    seen(statementDigest, index) {
      const said = statements.get(statementDigest);
      if (said?.kind !== 'binding') return undefined;
      const entry = { index, digest: said.digest };
      const first = firstBinding.get(slotOf(said));
      if (first === undefined) firstBinding.set(slotOf(said), entry);
      if (first === undefined || first.digest === said.digest) return undefined;
      return { reference: said.reference, generation: said.generation, entries: [first, entry] };
    },
  };
}

function slotOf({ scope, reference, generation }: Binding): string {
  return JSON.stringify([scope, reference, generation]);
}

function parse(statement: string): KnownStatement {
  // a claim has a fixed subject; whatever else it is, parseBinding says what is wrong with it
  if (/"subject":\[\{"digest":\{[^}]*\},"name":"tag"\}\]/.test(statement)) {
    const { claimId, scope } = parseClaim(statement);
    return { kind: 'claim', claimId, scope };
  }
  const { reference, digest, generation, claimId, scope } = parseBinding(statement);
  return { kind: 'binding', reference, digest, generation, claimId, scope };
}
