import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

async function countOf(query: Promise<unknown>): Promise<number> {
  const [row] = (await query) as { n: unknown }[];
  return Number(row?.n ?? 0);
}

export async function inboxState(
  db: Db,
): Promise<{ pending: number; failed: number; oldest: string | null }> {
  const count = (status: string) => countOf(db('deliveries').where({ status }).count({ n: '*' }));
  const oldest = (await db('deliveries').where({ status: 'pending' }).orderBy('id').first('received_at')) as
    | Row
    | undefined;
  return {
    pending: await count('pending'),
    failed: await count('failed'),
    oldest: (oldest?.received_at as string | undefined) ?? null,
  };
}

/** Of mails that came in and of the mailboxes that they are fetched from. */
export async function mailInState(
  db: Db,
  { mailboxes, since }: { mailboxes: string[]; since: string },
): Promise<{
  pending: number;
  failed: number;
  oldest: string | null;
  /** Of the mailbox that could not be read for longest. */
  problem: { words: string; since: string } | null;
}> {
  const count = (status: string) => db('inbound_mails').where({ status }).count({ n: '*' });
  const oldest = (await db('inbound_mails')
    .where({ status: 'pending' })
    .orderBy('id')
    .first('received_at')) as Row | undefined;
  const problem = (await db('mailboxes')
    .whereIn('name', mailboxes)
    .whereNotNull('problem')
    .orderBy('problem_since')
    .first('problem', 'problem_since')) as Row | undefined;
  return {
    pending: await countOf(count('pending')),
    failed: await countOf(count('failed').where('received_at', '>=', since)),
    oldest: (oldest?.received_at as string | undefined) ?? null,
    problem: problem ? { words: problem.problem as string, since: problem.problem_since as string } : null,
  };
}

export async function outboxState(
  db: Db,
  since: string,
): Promise<{ waiting: number; oldest: string | null; uncertain: number; failed: number; gone: number }> {
  const oldest = (await db('outbox')
    .join('messages', 'messages.id', 'outbox.message_id')
    .orderBy('outbox.message_id')
    .first('messages.created_at')) as Row | undefined;
  const sent = db('messages').where({ direction: 'out' }).where('created_at', '>=', since);
  return {
    waiting: await countOf(db('outbox').count({ n: '*' })),
    oldest: (oldest?.created_at as string | undefined) ?? null,
    uncertain: await countOf(db('messages').where({ status: 'uncertain' }).count({ n: '*' })),
    failed: await countOf(sent.clone().where({ status: 'failed' }).count({ n: '*' })),
    gone: await countOf(sent.clone().whereIn('status', ['sent', 'delivered']).count({ n: '*' })),
  };
}

/** When each scheduled job was taken up last, and for which moment; null: this database keeps no such notes. */
export async function lastRuns(db: Db): Promise<{ job: string; takenAt: string }[] | null> {
  if (!(await db.schema.hasTable('job_slots'))) return null;
  const rows = (await db('job_slots').orderBy('job').select('job', 'taken_at')) as Row[];
  return rows.map((row) => ({ job: row.job as string, takenAt: row.taken_at as string }));
}

/** The time that the newest row of what grows all the time carries; null: there is none yet. */
export async function newestTime(db: Db): Promise<string | null> {
  const times: string[] = [];
  for (const [table, column] of [
    ['deliveries', 'received_at'],
    ['inbound_mails', 'received_at'],
    ['messages', 'created_at'],
    ['credit_entries', 'at'],
  ] as const) {
    const row = (await db(table).orderBy('id', 'desc').first(column)) as Row | undefined;
    if (row) times.push(row[column] as string);
  }
  return times.sort().at(-1) ?? null;
}

/** Of every shop that can be read: when it was last read to the end, and what is the matter. */
export async function shopsRead(db: Db): Promise<
  {
    slug: string;
    readAt: string | null;
    since: string;
    problem: string | null;
    parked: number;
  }[]
> {
  const rows = (await db('stores as s')
    .leftJoin('store_syncs as y', (on) => void on.on('y.store_id', 's.id').andOnVal('y.kind', 'orders'))
    .whereNotNull('s.url')
    .whereNotNull('s.consumer_key_sealed')
    .whereNotNull('s.consumer_secret_sealed')
    .orderBy('s.slug')
    .select(
      's.slug',
      's.updated_at',
      'y.finished_at',
      'y.problem',
      db('parked_orders as p').where('p.store_id', db.ref('s.id')).count('*').as('parked'),
    )) as Row[];
  return rows.map((row) => ({
    slug: row.slug as string,
    readAt: row.finished_at as string | null,
    since: (row.finished_at ?? row.updated_at) as string,
    problem: row.problem as string | null,
    parked: Number(row.parked),
  }));
}
