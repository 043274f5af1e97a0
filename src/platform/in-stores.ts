import type { Knex } from 'knex';

/** Whose rows somebody may see: null: all stores. Everybody who is limited sees exactly the rows of these. */
export type StoreIds = readonly string[] | null;

/** Keeps the rows of these stores. A row of no store is for those who see all. */
export function onlyOf<Query extends Knex.QueryBuilder>(
  query: Query,
  column: string,
  storeIds: StoreIds,
): Query {
  if (storeIds !== null) query.whereIn(column, [...storeIds]);
  return query;
}
