import type { Db } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import { mailKey, readMailHead, type Way } from './rules';
import { completeInboundMail, insertInboundMail } from './store';

export interface NewInboundMail {
  way: Way;
  /** Null: the way does not say which; the address may. */
  storeId: string | null;
  /** '': the null sender of bounces; null: the way does not tell. */
  envelopeFrom: string | null;
  envelopeTo: string[];
  raw: Buffer;
  /** Of the whole mail, where `raw` is only its head. */
  sizeBytes?: number;
}

/**
 * Keep a mail as it came, to be read by a worker. In a transaction: its commit is what the sender is told.
 * Shape:   NewInboundMail → { fresh: it was not known, id }
 * Writes:  inbound_mails, inbound_mail_raws
 * Repeat:  the same mail, by whichever way, is the same row; what this way tells and the first did not is added
 * Source:  DESIGN §2.1
 */
export async function keepInboundMail(
  db: Db,
  moment: Moment,
  mail: NewInboundMail,
): Promise<{ fresh: boolean; id: string }> {
  const key = mailKey(mail.raw);
  const id = moment.ids.next();
  const fresh = await insertInboundMail(db, {
    ...mail,
    id,
    key,
    sender: readMailHead(mail.raw).sender,
    sizeBytes: mail.sizeBytes ?? mail.raw.length,
    at: moment.at,
  });
  return fresh ? { fresh, id } : { fresh, id: await completeInboundMail(db, key, mail) };
}
