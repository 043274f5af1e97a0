import { type Hold, holdsOfCause, type Meter } from '../domain/credits';
import {
  findVideoSession,
  instantFor,
  meteredMsAt,
  type Participant,
  type Presence,
  type VideoState,
  wholeSeconds,
} from '../domain/video';
import { type Clock, iso } from '../platform/clock';
import type { Db } from '../platform/db';
import { Refusal } from '../platform/refusal';
import type { Vault } from '../platform/secrets';

export interface VideoSessionView {
  id: string;
  ticketId: string;
  state: VideoState;
  agentState: Presence;
  customerState: Presence;
  /** Null: the whole session is one unit, or nothing is held yet (see charge.unit). */
  blockMinutes: number | null;
  /** Up to now, as far as credits cover it. */
  connectedSeconds: number;
  warning: 'out-of-credit' | null;
  /** What is held so far; once the session is over, what was charged. */
  charge: {
    meter: 'video';
    unit: 'session' | 'block' | null;
    quantity: number;
    holdIds: string[];
    grants: { grantId: string; meter: Meter; credits: number }[];
  };
  joinUrls: { agent: string; customer: string };
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
  reason: string | null;
}

/**
 * A video session as the API and the pages show it.
 * Errors:  not-found
 */
export async function videoSessionView(
  ctx: { clock: Clock; vault: Vault; publicUrl: string },
  db: Db,
  id: string,
): Promise<VideoSessionView> {
  const session = await findVideoSession(db, id);
  if (!session) throw new Refusal('not-found', 'There is no such video session.');
  const at = instantFor(session, iso(ctx.clock.now()));
  const holds = await holdsOfCause(db, { kind: 'video_session', id });
  const paying = session.holdIds
    .flatMap((holdId) => holds.find((hold) => hold.id === holdId) ?? [])
    .filter((hold) => hold.status === 'held' || hold.status === 'captured');
  // The secret stands in the fragment, which browsers do not send: no log and no referrer gets it.
  const joinUrl = (role: Participant) =>
    `${ctx.publicUrl}/video/${id}#${role}.${ctx.vault.sign('video-join', `${id}:${role}`)}`;
  return {
    id,
    ticketId: session.ticketId,
    state: session.state,
    agentState: session.agentState,
    customerState: session.customerState,
    blockMinutes: session.blockMinutes,
    connectedSeconds: wholeSeconds(meteredMsAt(session, at)),
    warning: session.outOfCredit ? 'out-of-credit' : null,
    charge: {
      meter: 'video',
      unit: session.holdIds.length === 0 ? null : session.blockMinutes === null ? 'session' : 'block',
      quantity: paying.length,
      holdIds: paying.map((hold) => hold.id),
      grants: drawsByGrant(paying),
    },
    joinUrls: { agent: joinUrl('agent'), customer: joinUrl('customer') },
    createdAt: session.createdAt,
    startedAt: session.startedAt,
    endedAt: session.endedAt,
    reason: session.reason,
  };
}

/** Blocks often draw on the same grant: one line for each grant, in the order of drawing. */
function drawsByGrant(holds: Hold[]): VideoSessionView['charge']['grants'] {
  const byGrant = new Map<string, VideoSessionView['charge']['grants'][number]>();
  for (const { grantId, meter, credits } of holds.flatMap((hold) => hold.draws)) {
    const line = byGrant.get(grantId);
    if (line) line.credits += credits;
    else byGrant.set(grantId, { grantId, meter, credits });
  }
  return [...byGrant.values()];
}
