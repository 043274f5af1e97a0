import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** A picture that came with an SMS. */
export interface SmsPicture {
  id: string;
  state: 'pending' | 'stored' | 'refused';
  /** Why it is not there. */
  reason: string | null;
}

/** What is known of an SMS besides its words. */
export interface SmsFacts {
  pictures: SmsPicture[];
  /** One of too many: kept and shown, and nobody was called by it. */
  storm: boolean;
  /** As the provider counts and bills; null: it has said nothing. */
  report: { segments: number | null; price: { micros: number; currency: string } | null } | null;
}

/** Shape: ids of SMS → what is known of each of which something is */
export async function readSmsFacts(
  db: Db,
  ids: { in: string[]; out: string[] },
): Promise<Map<string, SmsFacts>> {
  const found = new Map<string, SmsFacts>();
  const of = (row: Row): SmsFacts => {
    const id = row.message_id as string;
    const facts = found.get(id) ?? { pictures: [], storm: false, report: null };
    found.set(id, facts);
    return facts;
  };
  if (ids.in.length > 0) {
    const pictures = (await db('sms_media')
      .whereIn('message_id', ids.in)
      .orderBy(['message_id', 'position'])
      .select('id', 'message_id', 'status', 'reason')) as Row[];
    for (const row of pictures) {
      of(row).pictures.push({
        id: row.id as string,
        state: row.status as SmsPicture['state'],
        reason: row.reason as string | null,
      });
    }
    const storms = (await db('inbound_sms')
      .whereIn('message_id', ids.in)
      .where({ storm: 1 })
      .select('message_id')) as Row[];
    for (const row of storms) of(row).storm = true;
  }
  if (ids.out.length > 0) {
    const reports = (await db('sms_reports')
      .whereIn('message_id', ids.out)
      .select('message_id', 'segments', 'price_micros', 'currency')) as Row[];
    for (const row of reports) {
      const isPriced = row.price_micros !== null && row.currency !== null;
      of(row).report = {
        segments: row.segments === null ? null : Number(row.segments),
        price: isPriced ? { micros: Number(row.price_micros), currency: row.currency as string } : null,
      };
    }
  }
  return found;
}

/** Null: there is none on this ticket, or it is not here (yet). */
export async function readPicture(
  db: Db,
  input: { ticketId: string; pictureId: string },
): Promise<{ type: string; bytes: Buffer; position: number } | null> {
  const row = (await db('sms_media as p')
    .join('messages as m', 'm.id', 'p.message_id')
    .where({ 'p.id': input.pictureId, 'm.ticket_id': input.ticketId, 'p.status': 'stored' })
    .first('p.content_type', 'p.content', 'p.position')) as Row | undefined;
  if (!row) return null;
  return {
    type: row.content_type as string,
    bytes: row.content as Buffer,
    position: Number(row.position),
  };
}
