/** The points between which a crash must lose nothing; tests stop the process at each of them. */
export type ProtocolStep =
  'resolved' | 'signed' | 'reserved' | 'claimSubmitted' | 'bindingSubmitted' | 'verified' | 'saved';

export type StepHook = (step: ProtocolStep) => void | Promise<void>;
