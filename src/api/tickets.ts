import { z } from 'zod';
import { holdsOfCause, usableOn } from '../domain/credits';
import { iso } from '../platform/clock';
import { limits } from '../platform/limits';
import { openTicketForCustomerIn } from '../usecases/open-ticket';
import { updateTicket } from '../usecases/update-ticket';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { endpoint } from './endpoint';
import { ticketInSight } from './in-sight';
import { chargeView } from './messages';
import { readMessages } from './messages.query';
import { charge } from './messages.schema';
import { notFound } from './principal';
import { id, storeSlug, usable, words } from './schemas';
import { storeBySlug, storesInList } from './stores.query';
import { readAround, readTickets } from './tickets.query';
import { TICKET_STATUSES, ticket, ticketDetail } from './tickets.schema';

const filter = words(limits.nameChars).optional();

export const ticketEndpoints = [
  endpoint({
    name: 'listTickets',
    method: 'get',
    path: '/api/v1/tickets',
    resource: 'ticket',
    scope: 'tickets:read',
    summary: 'Tickets, newest first',
    query: z.strictObject({
      store: storeSlug.optional(),
      customer_id: filter,
      order_number: filter.describe('Number of an order that the ticket serves.'),
      status: z.enum(TICKET_STATUSES).optional(),
      assignee: filter,
      q: filter.describe("The ticket's number, or part of its subject or the customer's name or address."),
      ...pageQuery,
    }),
    status: 200,
    answer: pageOf(ticket),
    async handle({ ctx, principal, query }) {
      const rows = await readTickets(ctx.db, {
        storeIds: await storesInList(ctx.db, principal, query.store),
        customerId: query.customer_id,
        orderNumber: query.order_number,
        status: query.status,
        assignee: query.assignee,
        q: query.q,
        before: idInCursor('tickets', query.cursor),
        limit: query.limit + 1,
      });
      return toPage(rows, query.limit, (row) => cursorAt('tickets', row.id));
    },
  }),
  endpoint({
    name: 'createTicket',
    method: 'post',
    path: '/api/v1/tickets',
    resource: 'ticket',
    scope: 'tickets:write',
    summary: 'Open a ticket',
    description:
      'One that the customer opens holds a `request`, if the customer ever had that meter; with none left the ticket ' +
      'is marked unpaid. One that an agent opens, and a follow-up within 14 days, draw none.',
    body: z
      .strictObject({
        store: storeSlug,
        customer_id: id,
        subject: words(limits.subjectChars),
        body: words(limits.messageBodyChars)
          .optional()
          .describe("The customer's words; of a ticket that an agent opens: a note."),
        opened_by: z.enum(['customer', 'agent']).default('customer'),
        follow_up_of: id.optional().describe('The solved or closed ticket that this one goes on with.'),
      })
      .meta({ id: 'NewTicket' }),
    key: { required: true, when: 'when the ticket draws a `request`; otherwise it is welcome' },
    status: 201,
    answer: z
      .object({
        ...ticket.shape,
        charge: charge.nullable().describe('The `request` that was set aside; null: none.'),
        credits: usable.describe('Credits that can be spent on this ticket.'),
      })
      .meta({ id: 'CreatedTicket' }),
    async handle({ ctx, principal, actor, body, hasKey, requireKey, once }) {
      const store = await storeBySlug(ctx.db, principal, body.store);
      if (!store) throw notFound('store');
      return once(async (trx) => {
        const opened = await openTicketForCustomerIn(trx, ctx, actor, {
          storeSlug: store.slug,
          customerId: body.customer_id,
          subject: body.subject,
          body: body.body,
          openedBy: body.opened_by,
          followUpOf: body.follow_up_of,
        });
        const [held] = await holdsOfCause(trx, { kind: 'ticket', id: opened.id });
        // Known only now; the refusal undoes all of it.
        if (held && !hasKey) requireKey();
        const payer = { customerId: opened.customerId, ticketFamilyId: opened.familyId };
        return {
          ...(await ticketInSight(trx, principal, opened.id)),
          charge: held
            ? chargeView({
                meter: held.meter,
                quantity: held.quantity,
                unit: held.unit,
                holdId: held.id,
                grants: held.draws,
              })
            : null,
          credits: await usableOn(trx, iso(ctx.clock.now()), payer),
        };
      });
    },
  }),
  endpoint({
    name: 'getTicket',
    method: 'get',
    path: '/api/v1/tickets/{id}',
    resource: 'ticket',
    scope: 'tickets:read',
    summary: 'A ticket with its messages, credits, orders and history',
    status: 200,
    answer: ticketDetail,
    async handle({ ctx, principal, params }) {
      const found = await ticketInSight(ctx.db, principal, params.id);
      // Read after the ticket: the version is never newer than the messages, so a reply that is sent with it has seen
      // every word, or is refused.
      const newest = await readMessages(ctx.db, {
        ticketId: found.id,
        before: null,
        limit: limits.pageSizeMax + 1,
      });
      const messages = toPage(newest, limits.pageSizeMax, (row) => cursorAt('messages', row.id));
      return {
        ...found,
        ...(await readAround(ctx.db, found, iso(ctx.clock.now()))),
        messages: messages.data.reverse(),
        messages_next_cursor: messages.next_cursor,
      };
    },
  }),
  endpoint({
    name: 'updateTicket',
    method: 'patch',
    path: '/api/v1/tickets/{id}',
    resource: 'ticket',
    scope: 'tickets:write',
    summary: 'Change status, subject, assignee or tags, or call it spam',
    description: 'What is left out stays. Solving and closing grow the version.',
    body: z
      .strictObject({
        status: z.enum(TICKET_STATUSES).optional(),
        subject: words(limits.subjectChars).optional(),
        assignee: words(limits.nameChars).nullable().optional().describe('null: nobody.'),
        tags: z.array(words(limits.nameChars)).max(100).optional(),
        spam: z.boolean().optional().describe('true also closes the ticket and gives its `request` back.'),
        version: z
          .int()
          .min(1)
          .max(Number.MAX_SAFE_INTEGER)
          .optional()
          .describe('The version that was seen; the change is refused when it has grown.'),
      })
      .meta({ id: 'TicketChanges' }),
    status: 200,
    answer: ticket,
    problems: ['stale-ticket', 'invalid-transition'],
    async handle({ ctx, principal, actor, params, body }) {
      await ticketInSight(ctx.db, principal, params.id);
      await updateTicket(ctx, actor, { ticketId: params.id, ...body });
      return ticketInSight(ctx.db, principal, params.id);
    },
  }),
];
