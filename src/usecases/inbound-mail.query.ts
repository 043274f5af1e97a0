import type { Db } from '../platform/db';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

async function idOf(query: PromiseLike<unknown>, column = 'id'): Promise<string | null> {
  const row = (await query) as Row | undefined;
  return (row?.[column] as string | undefined) ?? null;
}

/** The ticket of a message that went out by mail. */
export function ticketOfMail(db: Db, messageId: string): Promise<string | null> {
  return idOf(
    db('messages').where({ id: messageId, direction: 'out', channel: 'email' }).first('ticket_id'),
    'ticket_id',
  );
}

/** Zeton's own id in the Message-ID of one of its mails; null: another program made it. */
export function idInMessageId(header: string): string | null {
  const id = /^<([\da-f-]{36})@/i.exec(header)?.[1]?.toLowerCase() ?? '';
  return isId(id) ? id : null;
}

/**
 * The ticket in which a mail with one of these Message-IDs is: ours, or one that came in.
 * Shape:   Message-IDs with brackets, what is answered first → ticket id or null
 */
export async function ticketOfMessageIds(
  db: Db,
  headers: string[],
  storeId: string | null,
): Promise<string | null> {
  if (headers.length === 0) return null;
  const ours = headers.flatMap((header) => idInMessageId(header) ?? []);
  const query = db('messages')
    .join('tickets', 'tickets.id', 'messages.ticket_id')
    .where('messages.channel', 'email')
    .where((q) =>
      q
        .where((out) => out.where('messages.direction', 'out').whereIn('messages.id', ours))
        .orWhere((into) => into.where('messages.direction', 'in').whereIn('messages.provider_id', headers)),
    )
    .select('messages.id', 'messages.provider_id', 'messages.ticket_id');
  if (storeId !== null) query.where('tickets.store_id', storeId);
  const rows = (await query) as Row[];
  for (const header of headers) {
    const id = idInMessageId(header);
    const row = rows.find((one) => one.id === id || one.provider_id === header);
    if (row) return row.ticket_id as string;
  }
  return null;
}

export function ticketOfNumber(db: Db, number: number, storeId: string | null): Promise<string | null> {
  const query = db('tickets').where({ number });
  if (storeId !== null) query.where({ store_id: storeId });
  return idOf(query.first('id'));
}

/**
 * Where a mail of these customers belongs that answers none: to the ticket that an order opened, while that has no word of
 * theirs; else to the one that waits for payment, so that their order finds all of it. Null: it asks something new.
 * Source:  DESIGN §3 "Ticket"
 */
export async function ticketForNewMail(db: Db, customerIds: string[]): Promise<string | null> {
  if (customerIds.length === 0) return null;
  const open = () =>
    db('tickets')
      .whereIn('tickets.customer_id', customerIds)
      .where({ 'tickets.spam': 0 })
      .whereNot({ 'tickets.status': 'closed' })
      .orderBy('tickets.id', 'desc');
  const ofOrder = await idOf(
    open()
      .where({ 'tickets.origin': 'order' })
      .whereNotExists(
        db('messages')
          .select(db.raw('1'))
          .whereRaw('messages.ticket_id = tickets.id')
          .where({ 'messages.kind': 'customer' })
          .whereNot({ 'messages.channel': 'order_note' }),
      )
      .first('tickets.id'),
  );
  return ofOrder ?? idOf(open().where({ 'tickets.unpaid': 1 }).first('tickets.id'));
}

/** The customers' newest ticket that is not closed, else the newest of all. */
export async function newestTicketOf(db: Db, customerIds: string[]): Promise<string | null> {
  if (customerIds.length === 0) return null;
  return idOf(
    db('tickets')
      .whereIn('customer_id', customerIds)
      .orderByRaw(`CASE WHEN status = 'closed' THEN 1 ELSE 0 END, last_message_at DESC, id DESC`)
      .first('id'),
  );
}

/**
 * Is this mail a message already? The same words and files of the same sender under one Message-ID, however they were
 * encoded: programs that make the same Message-ID each time, as scanners do, must lose nothing.
 */
export async function isMessageAlready(
  db: Db,
  mail: { messageId: string; fromAddress: string; subject: string; body: string; files: string[] },
): Promise<boolean> {
  const same = (await db('messages as m')
    .join('message_mails as w', 'w.message_id', 'm.id')
    .where({ 'm.provider_id': mail.messageId, 'm.direction': 'in', 'w.from_address': mail.fromAddress })
    .where({ 'm.body': mail.body })
    .orderBy('m.id', 'desc')
    .limit(limits.mailCopiesCompared)
    .select('m.id', 'm.subject')) as Row[];
  for (const { id, subject } of same) {
    if ((subject ?? '') !== mail.subject) continue;
    const files = (await db('attachments')
      .where({ message_id: id })
      .orderBy('position')
      .pluck('sha256')) as string[];
    if (files.join() === mail.files.join()) return true;
  }
  return false;
}

/** Did a mail of the customer come into the ticket after this message of ours? Then it must have arrived. */
export async function hasMailSince(db: Db, message: { id: string; ticketId: string }): Promise<boolean> {
  const row: unknown = await db('messages')
    .join('message_mails', 'message_mails.message_id', 'messages.id')
    .where({ 'messages.ticket_id': message.ticketId, 'messages.direction': 'in' })
    .where('messages.id', '>', message.id)
    .whereIn('message_mails.sender', ['known', 'unproven', 'accepted'])
    .first('messages.id');
  return row !== undefined;
}
