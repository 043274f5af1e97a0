import type { Knex } from 'knex';
import { v7 } from 'uuid';
import { createStore, findStoreBySlug, type Store } from '../../src/domain/stores';
import { webhooksOnly } from '../../src/gateways/woocommerce/gateway';
import { systemActor } from '../../src/platform/actor';
import type { Clock } from '../../src/platform/clock';
import { withTransaction } from '../../src/platform/db';
import { makeLog } from '../../src/platform/log';
import { makeVault } from '../../src/platform/secrets';
import { type Context, type Gateways, momentOf } from '../../src/usecases/context';
import { makeLanes } from '../../src/usecases/lanes';
import { makeWalks } from '../../src/usecases/walks';

/** A clock that stands still until it is told. */
export class SetClock implements Clock {
  constructor(private at: Date = new Date('2026-11-21T22:00:00.000Z')) {}
  now(): Date {
    return this.at;
  }
  set(iso: string): void {
    this.at = new Date(iso);
  }
  advance(seconds: number): void {
    this.at = new Date(this.at.getTime() + seconds * 1000);
  }
}

/** What use cases need, on a test database, without HTTP or workers. */
export function makeContext(db: Knex, gateways: Partial<Gateways> = {}): Context & { clock: SetClock } {
  const unset = () => Promise.reject(new Error('this test programs no such gateway'));
  return {
    db,
    clock: new SetClock(),
    ids: { next: () => v7() },
    log: makeLog('silent'),
    vault: makeVault('test-secret-key-of-at-least-32-characters'),
    publicUrl: 'http://localhost:3000',
    gateways: {
      woocommerce: webhooksOnly,
      email: { send: unset } as unknown as Gateways['email'],
      sms: { send: unset } as unknown as Gateways['sms'],
      mailbox: null,
      ...gateways,
    },
    chance: () => 1,
    lanes: makeLanes(),
    walks: makeWalks(),
    files: null,
    mailAddress: 'support@localhost',
    wake: () => undefined,
  };
}

/** The Slovenian shop that the recordings come from. */
export async function makeStore(ctx: Context, slug = 'default'): Promise<Store> {
  await withTransaction(ctx.db, (trx) =>
    createStore(trx, momentOf(ctx, systemActor), ctx.vault, {
      slug,
      name: 'Trgovina',
      webhookSecret: 'wc-webhook-secret-fixture',
      locale: 'sl',
      country: 'SI',
      timeZone: 'Europe/Ljubljana',
    }),
  );
  return (await findStoreBySlug(ctx.db, slug)) as Store;
}
