import { findStoreBySlug, type Store } from '../../src/domain/stores';
import type { Actor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { adjustCreditsIn } from '../../src/usecases/adjust-credits';
import { recordVideoEvent } from '../../src/usecases/record-video-event';
import { replyToTicket } from '../../src/usecases/reply-to-ticket';
import { startVideoSession } from '../../src/usecases/start-video-session';
import type { TestApp } from './app';
import { makePackage, orderJson, receive } from './shop';

const bob: Actor = { kind: 'staff', id: 'bob', name: 'Bob Kralj' };

export interface Buyer {
  first: string;
  last: string;
  email?: string;
  phone?: string;
  country?: string;
}

type OrderInput = Parameters<typeof orderJson>[0];

/** A shop that sells help, and what happens to its customers; all of it as the shop and agents do it. */
export class ShopLife {
  private constructor(
    readonly app: TestApp,
    readonly store: Store,
  ) {}

  static async in(app: TestApp): Promise<ShopLife> {
    await app.db('stores').update({
      name: 'Trgovina Kovač',
      url: 'https://shop.example',
      country: 'SI',
      locale: 'sl',
      time_zone: 'Europe/Ljubljana',
    });
    const life = new ShopLife(app, (await findStoreBySlug(app.db, 'default')) as Store);
    const grants = { sms: 10, email: 20, video: 3 };
    await makePackage(app.ctx, life.store, 'SUP', grants, { name: 'Start', validityDays: 60 });
    await makePackage(app.ctx, life.store, 'TICKET', { sms: 2 }, { name: 'One printer', scope: 'ticket' });
    return life;
  }

  /** One state of an order arrives; answers its id, customer and ticket. */
  async order(order: OrderInput, buyer?: Buyer, names: Record<number, string> = {}) {
    const body = JSON.parse(orderJson(order)) as {
      billing: Record<string, string>;
      line_items: { id: number; name: string }[];
    };
    if (buyer) {
      body.billing = {
        first_name: buyer.first,
        last_name: buyer.last,
        email: buyer.email ?? '',
        phone: buyer.phone ?? '',
        country: buyer.country ?? 'SI',
      };
    }
    for (const line of body.line_items) line.name = names[line.id] ?? line.name;
    await receive(this.app.ctx, this.store, 'order.updated', JSON.stringify(body));
    await this.app.drain();
    return this.orderRow(order.id);
  }

  async orderRow(wooId: number): Promise<{ id: string; customerId: string; ticketId: string }> {
    const row = await this.app.db('orders').where({ woo_id: wooId }).first();
    return { id: row.id, customerId: row.customer_id, ticketId: row.ticket_id };
  }

  async reply(ticketId: string, channel: 'sms' | 'email', body = 'Izklopite tiskalnik.'): Promise<string> {
    const { id } = await replyToTicket(this.app.ctx, bob, { ticketId, channel, body });
    await this.app.drain();
    return id;
  }

  /** Both are there and connected: a credit is on hold. */
  async startVideo(ticketId: string): Promise<string> {
    const { session } = await startVideoSession(this.app.ctx, bob, { ticketId });
    for (const type of ['joined', 'connected'] as const) {
      for (const participant of ['agent', 'customer'] as const) {
        const eventId = `${type}-${participant}`;
        await recordVideoEvent(this.app.ctx, bob, { sessionId: session.id, eventId, type, participant });
      }
    }
    return session.id;
  }

  async adjust(input: Omit<Parameters<typeof adjustCreditsIn>[3], 'reason'> & { reason?: string }) {
    await withTransaction(this.app.db, (trx) =>
      adjustCreditsIn(trx, this.app.ctx, bob, { reason: 'The first answer was wrong', ...input }),
    );
  }
}
