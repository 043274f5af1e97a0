import type { Actor } from './actor';
import type { Ids } from './ids';

/** What every write has to know: when it happens, who does it, and where new ids come from. */
export interface Moment {
  /** ISO 8601 UTC. */
  at: string;
  actor: Actor;
  ids: Ids;
}
