import { isSilent } from '../domain/syncs';
import { addSeconds, iso } from '../platform/clock';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

type ShopAlarm = { shop: { slug: string; name: string } } & (
  | { kind: 'failing'; since: string; problem: string }
  | { kind: 'silent'; since: string; count: number }
  | { kind: 'parked'; count: number }
  | { kind: 'writes'; count: number }
  | { kind: 'webhooks'; since: string; topics: string }
);

/** What pages show (`ui/page.ts` says which they can; the compiler holds this to it). */
type Alarm =
  | ShopAlarm
  | { kind: 'mailbox'; name: string; since: string; problem: string }
  | { kind: 'sms-storm'; since: string; count: number; ticket: number }
  | { kind: 'mail-storm'; since: string; count: number; ticket: number }
  | { kind: 'mail-loop'; since: string; count: number }
  | { kind: 'arrivals'; count: number };

/** What an admin of these shops has to know, also of the mailboxes that are read: by indexes of what is wrong, nearly always nothing. */
export async function readAlarms(
  db: Db,
  now: Date,
  storeIds: StoreIds,
  mailboxes: string[],
): Promise<Alarm[]> {
  return [
    ...(storeIds === null ? await unreadMailboxes(db, now, mailboxes) : []),
    ...(await shopAlarms(db, now, storeIds)),
    ...(await storms(db, now, storeIds, 'sms-storm')),
    ...(await storms(db, now, storeIds, 'mail-storm')),
    ...(storeIds === null ? [...(await mailLoop(db, now)), ...(await failed(db))] : []),
  ];
}

/** Of those that are configured: what stands of others is long over. */
async function unreadMailboxes(db: Db, now: Date, names: string[]): Promise<Alarm[]> {
  if (names.length === 0) return [];
  const rows = (await db('mailboxes')
    .whereIn('name', names)
    .whereNotNull('problem')
    .where('problem_since', '<=', iso(addSeconds(now, -limits.mailboxAlarmSeconds)))
    .orderBy('name')) as Row[];
  return rows.map((row) => ({
    kind: 'mailbox',
    name: row.name as string,
    since: row.problem_since as string,
    problem: row.problem as string,
  }));
}

/** Of a table with two rows for each shop. */
async function shopAlarms(db: Db, now: Date, storeIds: StoreIds): Promise<ShopAlarm[]> {
  const lately = iso(addSeconds(now, -limits.webhooksMadeShownSeconds));
  const rows = (await onlyOf(db('store_syncs as y'), 's.id', storeIds)
    .join('stores as s', 's.id', 'y.store_id')
    .where('y.kind', 'orders')
    .where(
      (q) =>
        void q
          .where('y.failures', '>=', limits.syncAlarmFailures)
          .orWhereNotNull('y.unannounced_since')
          .orWhere('y.webhooks_made_at', '>', lately)
          .orWhereExists((parked) =>
            parked.from('parked_orders as p').select(db.raw('1')).where('p.store_id', db.ref('s.id')),
          ),
    )
    .orderBy('s.id')
    .select(
      's.id as store_id',
      's.slug',
      's.name',
      'y.*',
      db('parked_orders as p').where('p.store_id', db.ref('s.id')).count('*').as('parked'),
    )) as Row[];
  const alarms: ShopAlarm[] = [];
  for (const row of rows) {
    const shop = { slug: row.slug as string, name: row.name as string };
    if (Number(row.failures) >= limits.syncAlarmFailures) {
      const [problem, since] = [row.problem as string, row.failing_since as string];
      alarms.push({ kind: 'failing', shop, since, problem });
    }
    const since = row.unannounced_since as string | null;
    const last = since === null ? null : await lastOrderDelivery(db, row.store_id as string);
    if (since !== null && isSilent(since, last, now)) {
      alarms.push({ kind: 'silent', shop, since, count: Number(row.unannounced) });
    }
    if (Number(row.parked) > 0) alarms.push({ kind: 'parked', shop, count: Number(row.parked) });
    const madeAt = row.webhooks_made_at as string | null;
    if (madeAt !== null && madeAt > lately) {
      alarms.push({ kind: 'webhooks', shop, since: madeAt, topics: row.webhooks_made as string });
    }
  }
  return [...alarms, ...(await parkedWrites(db, storeIds))];
}

/** By an index of what is open, nearly always nothing. */
async function parkedWrites(db: Db, storeIds: StoreIds): Promise<ShopAlarm[]> {
  const rows = (await onlyOf(db('shop_writes as w'), 'w.store_id', storeIds)
    .join('stores as s', 's.id', 'w.store_id')
    .whereNull('w.finished_at')
    .where('w.state', 'parked')
    .groupBy('s.id', 's.slug', 's.name')
    .orderBy('s.id')
    .select('s.slug', 's.name')
    .count({ n: '*' })) as unknown as Row[];
  return rows.map((row) => ({
    kind: 'writes',
    shop: { slug: row.slug as string, name: row.name as string },
    count: Number(row.n),
  }));
}

const INBOUND = { 'sms-storm': 'inbound_sms', 'mail-storm': 'inbound_mails' };
const SHOWN_SECONDS = { 'sms-storm': limits.smsAlarmSeconds, 'mail-storm': limits.mailAlarmSeconds };

/** By ticket: that is where one sees what it is about. */
async function storms(
  db: Db,
  now: Date,
  storeIds: StoreIds,
  kind: 'sms-storm' | 'mail-storm',
): Promise<Alarm[]> {
  const rows = (await onlyOf(db(`${INBOUND[kind]} as i`), 't.store_id', storeIds)
    .join('messages as m', 'm.id', 'i.message_id')
    .join('tickets as t', 't.id', 'm.ticket_id')
    .where('i.storm', 1)
    .where('i.received_at', '>', iso(addSeconds(now, -SHOWN_SECONDS[kind])))
    .groupBy('t.number')
    .orderBy('t.number')
    .limit(ALARMS_SHOWN)
    .select('t.number')
    .min({ since: 'i.received_at' })
    .count({ n: '*' })) as unknown as Row[];
  return rows.map((row) => ({
    kind,
    since: row.since as string,
    count: Number(row.n),
    ticket: Number(row.number),
  }));
}

const ALARMS_SHOWN = 5;

/** Beyond the limits of what people send, and left out: it is in no ticket. */
async function mailLoop(db: Db, now: Date): Promise<Alarm[]> {
  const row = (await db('inbound_mails')
    .where({ storm: 1 })
    .where('received_at', '>', iso(addSeconds(now, -limits.mailAlarmSeconds)))
    .whereNull('message_id')
    .min({ since: 'received_at' })
    .count({ n: '*' })
    .first()) as Row | undefined;
  const count = Number(row?.n ?? 0);
  return count === 0 ? [] : [{ kind: 'mail-loop', since: row?.since as string, count }];
}

/** Of which shop they are nobody knows yet, so it is told to those who look after all. */
async function failed(db: Db): Promise<Alarm[]> {
  const countOf = async (table: 'inbound_sms' | 'inbound_mails') => {
    const [row] = (await db(table).whereRaw("status = 'failed'").count({ n: '*' })) as Row[];
    return Number(row?.n ?? 0);
  };
  const count = (await countOf('inbound_sms')) + (await countOf('inbound_mails'));
  return count === 0 ? [] : [{ kind: 'arrivals', count }];
}

async function lastOrderDelivery(db: Db, storeId: string): Promise<string | null> {
  const row = (await db('deliveries')
    .where({ store_id: storeId })
    .whereLike('topic', 'order.%')
    .orderBy('id', 'desc')
    .first('received_at')) as Row | undefined;
  return (row?.received_at as string | undefined) ?? null;
}
