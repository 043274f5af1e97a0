import { keepInboundMail, type NewInboundMail, readMailHead } from '../domain/inbound-mail';
import { systemActor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { type Context, momentOf } from './context';
import { storeOfAddresses } from './mail-addresses';

/** A mail as a way brought it; what the way does not tell is read in its head. */
export type Arrival = Pick<NewInboundMail, 'way' | 'raw' | 'sizeBytes'> &
  Partial<Pick<NewInboundMail, 'storeId' | 'envelopeFrom' | 'envelopeTo'>>;

/**
 * Keep a mail that came, by whatever way. When this comes back it is committed, and whoever brought it may forget it.
 * Shape:   Arrival → { fresh: it was not known, id }
 * Writes:  inbound_mails, inbound_mail_raws
 * Repeat:  the same mail is kept once
 * Source:  DESIGN §2.1, §4
 */
export async function keepMail(ctx: Context, arrival: Arrival): Promise<{ fresh: boolean; id: string }> {
  const envelopeTo = arrival.envelopeTo ?? readMailHead(arrival.raw).recipients;
  const mail: NewInboundMail = {
    ...arrival,
    envelopeTo,
    envelopeFrom: arrival.envelopeFrom ?? null,
    storeId: arrival.storeId ?? (await storeOfAddresses(ctx, envelopeTo)),
  };
  const kept = await withTransaction(ctx.db, (trx) => keepInboundMail(trx, momentOf(ctx, systemActor), mail));
  ctx.log.info(
    { mail_id: kept.id, way: arrival.way, bytes: mail.sizeBytes ?? mail.raw.length, fresh: kept.fresh },
    'a mail came in',
  );
  ctx.wake('mail.in');
  return kept;
}

/** Of a mail that is larger than is taken: its head, and a word in place of its text, so that the ticket shows it came. */
export function withoutBody(head: Buffer, words: string): Buffer {
  const lines = head.toString('latin1').split(/\r?\n/);
  const end = lines.indexOf('');
  const fields = (end === -1 ? lines.slice(0, -1) : lines.slice(0, end)).join('\r\n').split(/\r\n(?![ \t])/);
  const kept = fields.filter((field) => !/^(content-[\w-]+|mime-version)\s*:/i.test(field));
  const about = [
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
  ];
  const top = Buffer.from([...kept, ...about, '', ''].join('\r\n'), 'latin1');
  return Buffer.concat([top, Buffer.from(`${words}\r\n`, 'utf8')]);
}
