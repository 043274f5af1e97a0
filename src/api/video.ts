import { z } from 'zod';
import type { Principal } from '../domain/access';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';
import { endVideoSession } from '../usecases/end-video-session';
import { recordVideoEvent } from '../usecases/record-video-event';
import { startVideoSessionIn } from '../usecases/start-video-session';
import { type VideoSessionView, videoSessionView } from '../usecases/video-session.query';
import { endpoint } from './endpoint';
import { ticketInSight } from './in-sight';
import { notFound, seesStore } from './principal';
import { count, draws, id, instant, words } from './schemas';

const presence = z.enum(['absent', 'joined', 'connected']);

const videoSession = z
  .object({
    id,
    ticket_id: id,
    state: z
      .enum(['waiting', 'active', 'ended', 'no_show', 'blocked'])
      .describe(
        'waiting: not both here yet · active · ended · no_show: nobody came, nothing charged · blocked: no credit left',
      ),
    join_urls: z.object({ agent: z.string(), customer: z.string() }),
    participants: z.object({ agent: presence, customer: presence }),
    connected_seconds: count.describe('Whole seconds in which both were connected, over reconnects.'),
    warning: z
      .enum(['out-of-credit'])
      .nullable()
      .describe('out-of-credit: the session is blocked when the running block ends.'),
    charge: z
      .object({
        meter: z.literal('video'),
        unit: z.enum(['session', 'block']).nullable().describe('null: nothing is held yet.'),
        block_minutes: z.int().nullable(),
        quantity: count.describe('Sessions or blocks that are held; once it is over, that were charged.'),
        hold_ids: z.array(id),
        grants: draws,
      })
      .describe('Under a minute in all, or nobody came: nothing.'),
    created_at: instant,
    started_at: instant.nullable(),
    ended_at: instant.nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'VideoSession' });

function viewOf(session: VideoSessionView): z.input<typeof videoSession> {
  return {
    id: session.id,
    ticket_id: session.ticketId,
    state: session.state,
    join_urls: session.joinUrls,
    participants: { agent: session.agentState, customer: session.customerState },
    connected_seconds: session.connectedSeconds,
    warning: session.warning,
    charge: {
      meter: session.charge.meter,
      unit: session.charge.unit,
      block_minutes: session.blockMinutes,
      quantity: session.charge.quantity,
      hold_ids: session.charge.holdIds,
      grants: session.charge.grants.map((draw) => ({
        grant_id: draw.grantId,
        meter: draw.meter,
        credits: draw.credits,
      })),
    },
    created_at: session.createdAt,
    started_at: session.startedAt,
    ended_at: session.endedAt,
    reason: session.reason,
  };
}

async function requireInSight(db: Db, principal: Principal, sessionId: string): Promise<void> {
  const row = (await db('video_sessions')
    .join('tickets', 'tickets.id', 'video_sessions.ticket_id')
    .where('video_sessions.id', sessionId)
    .first('tickets.store_id')) as { store_id: string } | undefined;
  if (!row || !seesStore(principal, row.store_id)) throw notFound('video session');
}

export const videoEndpoints = [
  endpoint({
    name: 'createVideoSession',
    method: 'post',
    path: '/api/v1/tickets/{id}/video-sessions',
    resource: 'ticket',
    scope: 'video:write',
    summary: 'Open a video room on a ticket',
    description: 'Costs nothing yet: the first credit is held when both have joined.',
    key: { required: false },
    status: 201,
    sometimes200: 'The ticket has a running session: this one.',
    answer: videoSession,
    problems: ['ticket-closed'],
    async handle({ ctx, principal, actor, params, once, answerWith }) {
      await ticketInSight(ctx.db, principal, params.id);
      return once(async (trx) => {
        const started = await startVideoSessionIn(trx, ctx, actor, { ticketId: params.id });
        if (!started.created) answerWith(200);
        return viewOf(started.session);
      });
    },
  }),
  endpoint({
    name: 'getVideoSession',
    method: 'get',
    path: '/api/v1/video-sessions/{id}',
    resource: 'video session',
    scope: 'video:read',
    summary: 'State of a video session, and what it costs so far',
    status: 200,
    answer: videoSession,
    async handle({ ctx, principal, params }) {
      await requireInSight(ctx.db, principal, params.id);
      return viewOf(await videoSessionView(ctx, ctx.db, params.id));
    },
  }),
  endpoint({
    name: 'createVideoEvent',
    method: 'post',
    path: '/api/v1/video-sessions/{id}/events',
    resource: 'video session',
    scope: 'video:write',
    summary: 'Report what happens in the room',
    description:
      'For the room, of whatever provider. Metering follows these; an event_id that is known changes nothing.',
    body: z
      .strictObject({
        event_id: words(limits.nameChars).describe('Made by the room, unique in the session.'),
        type: z.enum(['joined', 'connected', 'left']),
        participant: z.enum(['agent', 'customer']),
      })
      .meta({ id: 'VideoEvent' }),
    status: 200,
    answer: videoSession,
    async handle({ ctx, principal, actor, params, body }) {
      await requireInSight(ctx.db, principal, params.id);
      const { event_id: eventId, type, participant } = body;
      return viewOf(await recordVideoEvent(ctx, actor, { sessionId: params.id, eventId, type, participant }));
    },
  }),
  endpoint({
    name: 'endVideoSession',
    method: 'post',
    path: '/api/v1/video-sessions/{id}/end',
    resource: 'video session',
    scope: 'video:write',
    summary: 'End a video session, and charge what it was',
    description: 'A session that is over stays as it is.',
    body: z
      .strictObject({ reason: words(limits.reasonChars).optional() })
      .optional()
      .meta({ id: 'VideoSessionEnd' }),
    status: 200,
    answer: videoSession,
    async handle({ ctx, principal, actor, params, body }) {
      await requireInSight(ctx.db, principal, params.id);
      return viewOf(
        await endVideoSession(ctx, actor, {
          sessionId: params.id,
          ...(body?.reason === undefined ? {} : { reason: body.reason }),
        }),
      );
    },
  }),
];
