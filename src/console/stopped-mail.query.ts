import type { Knex } from 'knex';

/** Why no mail goes to a customer's address any more. */
export interface StoppedMail {
  reason: string;
  since: string;
}

/** What stoppedMailFrom() reads. */
export const STOPPED_MAIL = ['stopped.reason as stopped_reason', 'stopped.since as stopped_since'];

/** Of a query that has `customers`. */
export function withStoppedMail(query: Knex.QueryBuilder): Knex.QueryBuilder {
  return query.leftJoin('suppressed_addresses as stopped', (join) => {
    join.on('stopped.store_id', 'customers.store_id').andOn('stopped.address', 'customers.email_normalised');
  });
}

export function stoppedMailFrom(row: Record<string, unknown>): StoppedMail | null {
  const { stopped_reason: reason, stopped_since: since } = row;
  return typeof reason === 'string' && typeof since === 'string' ? { reason, since } : null;
}
