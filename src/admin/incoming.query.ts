import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** A folder of the mailbox that is read, as it was last seen. */
export interface MailboxState {
  name: string;
  /** When it was last read to its end. */
  readAt: string | null;
  problem: string | null;
  problemSince: string | null;
}

export interface Incoming {
  mailboxes: MailboxState[];
  /** The newest that came, by whatever way. */
  lastMail: { at: string; way: 'imap' | 'http' | 'smtp' } | null;
  lastSmsAt: string | null;
  /** When the provider last listed what came in; null: it was never asked. */
  smsReadUntil: string | null;
  failedMails: number;
  failedSms: number;
  /** What customers write to; null: nothing is set. */
  stores: { name: string; address: string | null }[];
}

/** What comes in by mail and SMS. Shape: the mailboxes that are configured; the address of the store `default` */
export async function readIncoming(
  db: Db,
  { mailboxes, mailAddress, defaultSlug }: { mailboxes: string[]; mailAddress: string; defaultSlug: string },
): Promise<Incoming> {
  const known = (await db('mailboxes')
    .whereIn('name', mailboxes)
    .select('name', 'read_at', 'problem', 'problem_since')) as Row[];
  const newest = async (table: 'inbound_mails' | 'inbound_sms', ...columns: string[]) =>
    (await db(table).orderBy('id', 'desc').first(columns)) as Row | undefined;
  const mail = await newest('inbound_mails', 'received_at', 'way');
  const sms = await newest('inbound_sms', 'received_at');
  const line = (await db('sms_lines').max({ at: 'read_until' }).first()) as Row | undefined;
  const failed = async (table: 'inbound_mails' | 'inbound_sms') => {
    const [row] = (await db(table).whereRaw("status = 'failed'").count({ n: '*' })) as Row[];
    return Number(row?.n ?? 0);
  };
  const stores = (await db('stores').orderBy('id').select('slug', 'name', 'mail_address')) as Row[];
  return {
    mailboxes: mailboxes.map((name) => {
      const row = known.find((one) => one.name === name);
      return {
        name,
        readAt: (row?.read_at as string | null | undefined) ?? null,
        problem: (row?.problem as string | null | undefined) ?? null,
        problemSince: (row?.problem_since as string | null | undefined) ?? null,
      };
    }),
    lastMail: mail
      ? { at: mail.received_at as string, way: mail.way as NonNullable<Incoming['lastMail']>['way'] }
      : null,
    lastSmsAt: (sms?.received_at as string | undefined) ?? null,
    smsReadUntil: (line?.at as string | null | undefined) ?? null,
    failedMails: await failed('inbound_mails'),
    failedSms: await failed('inbound_sms'),
    stores: stores.map((store) => ({
      name: store.name as string,
      address: (store.mail_address as string | null) ?? (store.slug === defaultSlug ? mailAddress : null),
    })),
  };
}
