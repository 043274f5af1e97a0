import type { Db, Trx } from './db';

type SequenceName = 'ticket' | 'catalog';

/** The next number: 1, 2, 3 … A transaction that rolls back gives its number back; others wait for it until then. */
export async function nextInSequence(trx: Trx, name: SequenceName): Promise<number> {
  const [row] = (await trx('sequences')
    .insert({ name, value: 1 })
    .onConflict('name')
    .merge({ value: trx.raw('sequences.value + 1') })
    .returning('value')) as { value: number }[];
  return Number(row?.value);
}

/** The number given out last; 0 before the first. */
export async function currentInSequence(db: Db, name: SequenceName): Promise<number> {
  const row = (await db('sequences').where({ name }).first()) as { value: number } | undefined;
  return Number(row?.value ?? 0);
}
