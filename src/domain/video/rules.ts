import { limits } from '../../platform/limits';

/**
 * Pure decisions of video sessions: who is there, which time counts, what is held when, what is charged.
 *
 * Late or not, the same: whenever a session is touched it is first brought up to that instant, so what is charged does
 * not depend on how often the job ran. Time counts only while both are connected, and only as far as credits cover
 * it: if blocks have passed for which nothing was held (the server was down, say), they are held now, one by one,
 * where the credit for them exists; from the first one for which it does not, the time is cut off, never charged, and
 * the session is blocked.
 */

export type VideoState = 'waiting' | 'active' | 'ended' | 'no_show' | 'blocked';
export type Presence = 'absent' | 'joined' | 'connected';
export type Participant = 'agent' | 'customer';
export type VideoEventType = 'joined' | 'connected' | 'left';

/** What ends a session: somebody does, the next credit is missing, or nobody is there any more. */
export type EndCause = 'by-request' | 'insufficient-credits' | 'abandoned';

export interface VideoSession {
  id: string;
  ticketId: string;
  customerId: string;
  state: VideoState;
  agentState: Presence;
  customerState: Presence;
  /** The first time each of them came; null: never. */
  agentJoinedAt: string | null;
  customerJoinedAt: string | null;
  /** Known with the first hold; null: the whole session is one unit. */
  blockMinutes: number | null;
  /** One for the whole session, or one for each block, in the order of the blocks. */
  holdIds: string[];
  outOfCredit: boolean;
  /** Milliseconds in which both were connected, up to `connectedSince`. */
  connectedMs: number;
  connectedSince: string | null;
  lastEventAt: string | null;
  nextCheckAt: string | null;
  reason: string | null;
  createdByName: string;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
  updatedAt: string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function after(instant: string, ms: number): string {
  return new Date(Date.parse(instant) + ms).toISOString();
}

function earlier(a: string, b: string): string {
  if (b < a) return b;
  return a;
}

export function isOver(session: VideoSession): boolean {
  return session.state !== 'waiting' && session.state !== 'active';
}

/** The instant at which a change counts: time never runs backwards in a session, whichever server's clock says so. */
export function instantFor(session: VideoSession, now: string): string {
  return now > session.updatedAt ? now : session.updatedAt;
}

// Who is there

export function areBothHere(session: VideoSession): boolean {
  return session.agentState !== 'absent' && session.customerState !== 'absent';
}

function didBothEverJoin(session: VideoSession): boolean {
  return session.agentJoinedAt !== null && session.customerJoinedAt !== null;
}

/** Connected without joined counts as joined too; a joined that comes late takes nothing back; left when absent is nothing. */
function presenceAfter(presence: Presence, type: VideoEventType): Presence {
  if (type === 'left') return 'absent';
  if (type === 'connected') return 'connected';
  return presence === 'absent' ? 'joined' : presence;
}

export function afterEvent(
  session: VideoSession,
  event: { type: VideoEventType; participant: Participant },
  at: string,
): VideoSession {
  const next = { ...session, lastEventAt: at };
  const came = event.type !== 'left';
  if (event.participant === 'agent') {
    next.agentState = presenceAfter(session.agentState, event.type);
    if (came) next.agentJoinedAt ??= at;
  } else {
    next.customerState = presenceAfter(session.customerState, event.type);
    if (came) next.customerJoinedAt ??= at;
  }
  return withMeter(next, at);
}

export function afterStart(
  session: VideoSession,
  first: { id: string; blockMinutes: number | null },
  at: string,
): VideoSession {
  const started: VideoSession = {
    ...session,
    state: 'active',
    startedAt: at,
    blockMinutes: first.blockMinutes,
    holdIds: [first.id],
  };
  return withMeter(started, at);
}

/** The meter runs exactly while the session is active and both are connected. */
function withMeter(session: VideoSession, at: string): VideoSession {
  const runs =
    session.state === 'active' && session.agentState === 'connected' && session.customerState === 'connected';
  if (runs === (session.connectedSince !== null)) return session;
  if (runs) return { ...session, connectedSince: at };
  return { ...session, connectedMs: connectedMsAt(session, at), connectedSince: null };
}

// Which time counts

/** The last instant for which the room vouches. */
function vouchedUntil(session: VideoSession): string {
  return after(session.lastEventAt ?? session.createdAt, limits.videoSilenceMinutes * MINUTE);
}

/** Milliseconds in which both were connected, paid for or not. */
function connectedMsAt(session: VideoSession, at: string): number {
  if (session.connectedSince === null) return session.connectedMs;
  const until = earlier(at, vouchedUntil(session));
  return session.connectedMs + Date.parse(until) - Date.parse(session.connectedSince);
}

/** Connected time that the held credits cover. */
function coveredMs(session: VideoSession): number {
  if (session.blockMinutes === null) return session.holdIds.length > 0 ? Number.POSITIVE_INFINITY : 0;
  return session.holdIds.length * session.blockMinutes * MINUTE;
}

/** What counts of the connected time, in milliseconds: no more than the held credits cover. */
export function meteredMsAt(session: VideoSession, at: string): number {
  return Math.min(connectedMsAt(session, at), coveredMs(session));
}

export function wholeSeconds(ms: number): number {
  return Math.floor(ms / SECOND);
}

/** Started blocks of N minutes in whole seconds. */
function blocksIn(seconds: number, blockMinutes: number): number {
  return Math.ceil(seconds / (60 * blockMinutes));
}

/** Sessions (1) or blocks to charge for this much connected time: nothing at all under 60 seconds. */
export function unitsCharged(connectedMs: number, blockMinutes: number | null): number {
  const seconds = wholeSeconds(connectedMs);
  if (seconds < limits.videoFreeSeconds) return 0;
  return blockMinutes === null ? 1 : blocksIn(seconds, blockMinutes);
}

// What is held when

/** Connected milliseconds before the end of a block at which the next one is held: all of the block when it is shorter. */
function holdAheadMs(blockMinutes: number): number {
  return Math.min(limits.videoHoldAheadSeconds * SECOND, blockMinutes * MINUTE);
}

/**
 * Number of credits that an active session has to have on hold at this instant. While both are connected that looks
 * ahead to the next block; when they are apart, or the session is `ending`, it is what the time so far has used.
 */
export function unitsWanted(session: VideoSession, at: string, ending: boolean): number {
  if (session.blockMinutes === null) return 1;
  const connectedMs = connectedMsAt(session, at);
  const used = blocksIn(wholeSeconds(connectedMs), session.blockMinutes);
  if (ending || session.connectedSince === null) return used;
  const blockMs = session.blockMinutes * MINUTE;
  return Math.floor((connectedMs + holdAheadMs(session.blockMinutes)) / blockMs) + 1;
}

/** True when the credits held are used up; to be asked after everything `unitsWanted` has been tried to be held. */
export function isUsedUp(session: VideoSession, at: string, ending: boolean): boolean {
  if (session.blockMinutes === null) return false;
  if (unitsWanted(session, at, true) > session.holdIds.length) return true;
  return !ending && session.connectedSince !== null && connectedMsAt(session, at) >= coveredMs(session);
}

// When it is over by itself

/** Nobody is waited for, and no silent room believed in, for ever. */
function givenUpAt(session: VideoSession): string {
  const wait = limits.videoWaitingMinutes * MINUTE;
  if (session.state === 'waiting') return after(session.createdAt, wait);
  if (session.connectedSince !== null) return vouchedUntil(session);
  const nobodyThere = session.agentState === 'absent' && session.customerState === 'absent';
  if (nobodyThere && session.lastEventAt)
    return after(session.lastEventAt, limits.videoBothLeftMinutes * MINUTE);
  return after(session.lastEventAt ?? session.createdAt, wait);
}

export function isGivenUp(session: VideoSession, at: string): boolean {
  return givenUpAt(session) <= at;
}

/** When something is due next if no event comes before; null when the session is over. */
export function nextCheckAfter(session: VideoSession, at: string): string | null {
  if (isOver(session)) return null;
  const givenUp = givenUpAt(session);
  if (session.blockMinutes === null || session.connectedSince === null) return givenUp;
  const untilUsedUp = coveredMs(session) - connectedMsAt(session, at);
  if (session.outOfCredit) {
    // A top-up may come any second.
    return earlier(givenUp, after(at, Math.min(untilUsedUp, limits.videoTickSeconds * SECOND)));
  }
  return earlier(givenUp, after(at, untilUsedUp - holdAheadMs(session.blockMinutes)));
}

interface Outcome {
  state: 'ended' | 'no_show' | 'blocked';
  connectedMs: number;
  /** Sessions or blocks; the first so many holds are captured, the others released. */
  charged: number;
  /** Why what is not charged is given back. */
  releaseReason: string;
  reason: string | null;
}

/** How a session ends at this instant, and what it costs. */
export function outcomeOf(session: VideoSession, at: string, cause: EndCause): Outcome {
  const connectedMs = meteredMsAt(session, at);
  const charged = unitsCharged(connectedMs, session.blockMinutes);
  const noShow = !didBothEverJoin(session);
  const nothing = noShow ? 'no-show' : 'under-60-seconds';
  return {
    state: cause === 'insufficient-credits' ? 'blocked' : noShow ? 'no_show' : 'ended',
    connectedMs,
    charged,
    releaseReason: charged === 0 ? nothing : 'block-not-started',
    reason: cause === 'by-request' ? (charged === 0 ? nothing : null) : noShow ? 'no-show' : cause,
  };
}

export function afterEnd(session: VideoSession, outcome: Outcome, at: string): VideoSession {
  return {
    ...session,
    state: outcome.state,
    agentState: 'absent',
    customerState: 'absent',
    connectedMs: outcome.connectedMs,
    connectedSince: null,
    outOfCredit: outcome.state === 'blocked',
    reason: outcome.reason,
    endedAt: at,
  };
}
