import type { SendingChannel } from '../domain/messages';
import { type Circuit, makeCircuit } from '../platform/circuit';
import { limits } from '../platform/limits';
import { makePace, type Pace } from '../platform/pace';

/** One channel's way out of this process. Each is on its own: a stuck provider holds up no other channel. */
export interface Lane {
  /** Messages on their way to the provider at once. */
  readonly width: number;
  readonly circuit: Circuit;
  /** Null: the provider keeps the pace itself. */
  readonly pace: Pace | null;
  /** What is being sent now. */
  readonly underWay: Set<Promise<void>>;
}

export type Lanes = Record<SendingChannel, Lane>;

export function makeLanes({ emailsPerMinute = null }: { emailsPerMinute?: number | null } = {}): Lanes {
  return { email: makeLane(limits.emailsAtOnce, emailsPerMinute), sms: makeLane(limits.smsAtOnce, null) };
}

function makeLane(width: number, perMinute: number | null): Lane {
  const pace = perMinute === null ? null : makePace(perMinute);
  return { width, circuit: makeCircuit(), pace, underWay: new Set() };
}
