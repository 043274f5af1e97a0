import { isId } from '../platform/ids';
import { Refusal } from '../platform/refusal';
import type { StaffPage } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { withoutIdempotency } from '../usecases/idempotency';
import { retryDeliveryIn } from '../usecases/retry-delivery';
import {
  countDeliveries,
  type DeliveryDetail,
  readDeliveries,
  readDelivery,
  STATUSES,
} from './deliveries.query';
import { deliveriesView, deliveryView } from './deliveries.view';
import { readShops } from './stores.query';

const LIST = '/admin/deliveries';

export function deliveriesPage({ get, post }: PageRoutes, ctx: Context): void {
  get(LIST, 'admin', async (page) => {
    const status = STATUSES.find((known) => known === page.query.get('status')) ?? null;
    const cursor = page.query.get('cursor') ?? '';
    const list = await readDeliveries(ctx.db, {
      status,
      before: isId(cursor) ? cursor : null,
      storeIds: page.staff.storeIds,
    });
    return deliveriesView(page, {
      ...list,
      status,
      counts: await countDeliveries(ctx.db, page.staff.storeIds),
      shops: await readShops(ctx.db, page.staff.storeIds),
      publicUrl: ctx.publicUrl,
    });
  });

  get(`${LIST}/:id`, 'admin', async (page, { id = '' }) =>
    deliveryView(page, await deliveryAt(ctx, page, id)),
  );

  post(`${LIST}/:id/retry`, 'admin', async (page, _form, { id = '' }) => {
    await deliveryAt(ctx, page, id);
    try {
      await withoutIdempotency(ctx, async (trx) => {
        await retryDeliveryIn(trx, ctx, page.actor, id);
        return { status: 200, body: null };
      });
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'delivery-not-failed') throw error;
      const problem = page.t('deliveries.not_failed');
      return refused(deliveryView(page, await deliveryAt(ctx, page, id), problem), 409);
    }
    ctx.wake('inbox');
    return seeOther(`${LIST}/${id}`, { flash: { tone: 'good', text: page.t('deliveries.retried') } });
  });
}

async function deliveryAt(ctx: Context, page: StaffPage, id: string): Promise<DeliveryDetail> {
  const found = isId(id) ? await readDelivery(ctx.db, id, page.staff.storeIds) : null;
  if (!found) throw new Refusal('not-found', 'There is no such delivery.');
  return found;
}
