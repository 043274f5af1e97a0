import type { SendingChannel } from '../domain/messages';
import { type Circuit, makeCircuit } from '../platform/circuit';
import { limits } from '../platform/limits';

/** One channel's way out of this process. Each is on its own: a stuck provider holds up no other channel. */
export interface Lane {
  /** Messages on their way to the provider at once. */
  readonly width: number;
  readonly circuit: Circuit;
  /** What is being sent now. */
  readonly underWay: Set<Promise<void>>;
}

export type Lanes = Record<SendingChannel, Lane>;

export function makeLanes(): Lanes {
  return { email: makeLane(limits.emailsAtOnce), sms: makeLane(limits.smsAtOnce) };
}

function makeLane(width: number): Lane {
  return { width, circuit: makeCircuit(), underWay: new Set() };
}
