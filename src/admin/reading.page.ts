import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { StaffPage } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { readShopNow } from '../usecases/read-shop-now';
import { type Reading, readReading } from './reading.query';
import { readingView } from './reading.view';

const PATH = '/admin/stores/:slug/reading';

/** How a shop is read by REST, and the way to read it now. */
export function readingPage({ get, post }: PageRoutes, ctx: Context): void {
  get(PATH, 'admin', async (page, { slug = '' }) => readingView(page, await readingOf(ctx, page, slug), {}));

  post(PATH, 'admin', async (page, form, { slug = '' }) => {
    const reading = await readingOf(ctx, page, slug);
    const kind = form.text('kind') === 'sweep' ? 'sweep' : 'orders';
    const typed = form.trimmed('since');
    const at = typed === '' ? null : new Date(`${typed}T00:00:00.000Z`);
    if (at !== null && Number.isNaN(at.getTime())) {
      return refused(readingView(page, reading, { since: page.t('reading.mistakes.since') }, typed));
    }
    const { t } = page;
    const back = (tone: 'good' | 'low' | 'bad', text: string) =>
      seeOther(`/admin/stores/${slug}/reading`, { flash: { tone, text } });
    try {
      const report = await readShopNow(ctx, page.actor, {
        storeId: reading.store.id,
        kind,
        since: at?.toISOString() ?? null,
        waitMs: limits.pageWaitMs,
      });
      if (report === null) return back('low', t('reading.goes_on'));
      if (report.state !== 'done') return back('bad', report.problem ?? t('reading.stopped'));
      return back('good', t('reading.done', { count: report.found, seen: report.seen }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'reconciliation-running') return back('low', t('reading.goes_on'));
      if (error.code === 'store-without-keys') return back('bad', t('reading.no_keys'));
      throw error;
    }
  });
}

async function readingOf(ctx: Context, page: StaffPage, slug: string): Promise<Reading> {
  const found = await readReading(ctx.db, slug, page.staff.storeIds);
  if (!found) throw new Refusal('not-found', 'There is no such store.');
  return found;
}
