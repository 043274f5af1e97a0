import type { BouncedMessage, MessageMail } from '../domain/mails';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

/** What is known of a mail besides its words. */
export interface MailFacts {
  /** Of one that came in. */
  taken:
    | (Pick<MessageMail, 'fromAddress' | 'class' | 'sender' | 'quoted' | 'signature' | 'remoteImages'> & {
        hasHtml: boolean;
        /** Who let it stand, though it is not from the customer; null: nobody, or it is not known. */
        acceptedBy: string | null;
        limitsHit: string[];
        /** One of too many: kept and shown, and nobody was called by it. */
        storm: boolean;
      })
    | null;
  files: { id: string; name: string; type: string; bytes: number }[];
  /** Of one that went out, and came back. */
  bounce: (Pick<BouncedMessage, 'state' | 'doubt' | 'reason'> & { dismissedBy: string | null }) | null;
}

/** Shape: ids of mails → what is known of each of which something is */
export async function readMailFacts(
  db: Db,
  ids: { in: string[]; out: string[] },
): Promise<Map<string, MailFacts>> {
  const found = new Map<string, MailFacts>();
  const of = (row: Row): MailFacts => {
    const id = row.message_id as string;
    const facts = found.get(id) ?? { taken: null, files: [], bounce: null };
    found.set(id, facts);
    return facts;
  };
  if (ids.in.length > 0) {
    const mails = (await db('message_mails as m')
      .leftJoin('inbound_mails as i', 'i.message_id', 'm.message_id')
      .whereIn('m.message_id', ids.in)
      .select(
        'm.message_id',
        'm.from_address',
        'm.class',
        'm.sender',
        'm.signature',
        'm.remote_images',
        'm.limits_hit',
        'i.storm',
        // A page of long mails would be several megabytes; what was sent can be shown as a whole.
        db.raw('substr(m.quoted, 1, ?) AS quoted', [limits.quotedShownChars]),
        db.raw('CASE WHEN m.html IS NULL THEN 0 ELSE 1 END AS has_html'),
      )) as Row[];
    const by = await decidersOf(
      db,
      'mail.sender_accepted',
      mails.filter((row) => row.sender === 'accepted'),
    );
    for (const row of mails) {
      of(row).taken = {
        fromAddress: row.from_address as string,
        class: row.class as MessageMail['class'],
        sender: row.sender as MessageMail['sender'],
        quoted: row.quoted as string,
        signature: row.signature as string,
        remoteImages: Number(row.remote_images),
        hasHtml: Number(row.has_html) === 1,
        limitsHit: JSON.parse(row.limits_hit as string) as string[],
        storm: Number(row.storm) === 1,
        acceptedBy: by.get(row.message_id as string) ?? null,
      };
    }
  }
  if (ids.out.length > 0) {
    const bounces = (await db('bounced_messages')
      .whereIn('message_id', ids.out)
      .select('message_id', 'state', 'doubt', 'reason')) as Row[];
    const by = await decidersOf(
      db,
      'mail.bounce_dismissed',
      bounces.filter((row) => row.state === 'dismissed'),
    );
    for (const row of bounces) {
      of(row).bounce = {
        state: row.state as BouncedMessage['state'],
        doubt: row.doubt as BouncedMessage['doubt'],
        reason: row.reason as string,
        dismissedBy: by.get(row.message_id as string) ?? null,
      };
    }
  }
  const all = [...ids.in, ...ids.out];
  if (all.length === 0) return found;
  const files = (await db('attachments')
    .whereIn('message_id', all)
    .orderBy(['message_id', 'position'])
    .select('id', 'message_id', 'filename', 'content_type', 'size_bytes')) as Row[];
  for (const row of files) {
    of(row).files.push({
      id: row.id as string,
      name: row.filename as string,
      type: row.content_type as string,
      bytes: Number(row.size_bytes),
    });
  }
  return found;
}

/** Shape: → by the message, the name of who decided so */
async function decidersOf(
  db: Db,
  type: 'mail.sender_accepted' | 'mail.bounce_dismissed',
  decided: Row[],
): Promise<Map<string, string>> {
  if (decided.length === 0) return new Map();
  const messageIds = decided.map((row) => row.message_id as string);
  const events = (await db('ticket_events')
    .whereIn('ticket_id', db('messages').whereIn('id', messageIds).select('ticket_id'))
    .where({ type })
    .select('facts', 'actor_name')) as Row[];
  return new Map(
    events.map(({ facts, actor_name }) => [
      (JSON.parse(facts as string) as { message_id: string }).message_id,
      actor_name as string,
    ]),
  );
}

/** As it was sent: sanitised when it came. Null: this ticket has no such mail, or it had no HTML. */
export async function readMailHtml(
  db: Db,
  input: { ticketId: string; messageId: string },
): Promise<string | null> {
  const row = (await db('message_mails as m')
    .join('messages', 'messages.id', 'm.message_id')
    .where({ 'm.message_id': input.messageId, 'messages.ticket_id': input.ticketId })
    .first('m.html')) as Row | undefined;
  return (row?.html as string | null | undefined) ?? null;
}
