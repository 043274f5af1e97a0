import { findPackage, type Package } from '../domain/packages';
import { WooProblem } from '../gateways/woocommerce';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import { type StaffPage, seesStore } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { withoutIdempotency } from '../usecases/idempotency';
import {
  cancelImportIn,
  type ImportPreview,
  previewImport,
  resumeImportIn,
  startImportIn,
} from '../usecases/import-orders';
import { readImport, storeOfImport } from './import.query';
import { importView, progressView } from './import.view';

const PATH = '/admin/packages/:id/import';

/** Orders of the past into a package: how many there are, what will happen, how far it is. */
export function importPage({ get, post }: PageRoutes, ctx: Context): void {
  get(PATH, 'admin', async (page, { id = '' }) => {
    const pkg = await packageAt(ctx, page, id);
    const state = await readImport(ctx.db, pkg.id);
    if (page.isFragment) return progressView(page, pkg, state);
    const typed = page.query.get('days');
    if (typed === null) return show(page, pkg, {});
    const days = daysIn(typed);
    if (days === null) {
      const mistakes = { days: page.t('imports.mistakes.days', { max: limits.importDaysMax }) };
      return refused(await show(page, pkg, { typed, mistakes }));
    }
    try {
      const preview = await previewImport(ctx, pkg, days);
      return show(page, pkg, { typed, preview });
    } catch (error) {
      return show(page, pkg, { typed, problem: problemIn(page, error) });
    }
  });

  post(PATH, 'admin', async (page, form, { id = '' }) => {
    const pkg = await packageAt(ctx, page, id);
    const days = daysIn(form.text('days'));
    if (days === null) throw new Refusal('malformed-request', 'The form names no days.');
    let preview: ImportPreview;
    try {
      preview = await previewImport(ctx, pkg, days);
    } catch (error) {
      return refused(await show(page, pkg, { typed: String(days), problem: problemIn(page, error) }), 409);
    }
    const { since, orders } = preview;
    try {
      await withoutIdempotency(ctx, async (trx) => {
        await startImportIn(trx, ctx, page.actor, pkg, { since, orders, greets: form.has('greets') });
        return { status: 201, body: null };
      });
    } catch (error) {
      // A double click: it runs.
      if (!(error instanceof Refusal) || error.code !== 'import-running') throw error;
    }
    ctx.wake('imports');
    return seeOther(`/admin/packages/${id}/import`);
  });

  post(`${PATH}/:what`, 'admin', async (page, _form, { id = '', what = '' }) => {
    const pkg = await packageAt(ctx, page, id);
    const act = what === 'cancellation' ? cancelImportIn : what === 'resumption' ? resumeImportIn : null;
    const state = await readImport(ctx.db, pkg.id);
    if (!act || !state) throw new Refusal('not-found', 'There is nothing at this address.');
    await withoutIdempotency(ctx, async (trx) => {
      await act(trx, ctx, page.actor, state.newest);
      return { status: 200, body: null };
    });
    ctx.wake('imports');
    return seeOther(`/admin/packages/${id}/import`);
  });

  async function show(
    page: StaffPage,
    pkg: Package,
    more: Omit<Parameters<typeof importView>[1], 'pkg' | 'store' | 'state'>,
  ): Promise<JSX.Element> {
    const [store, state] = [await storeOfImport(ctx.db, pkg.storeId), await readImport(ctx.db, pkg.id)];
    return importView(page, { pkg, store, state, ...more });
  }
}

function problemIn(page: StaffPage, error: unknown): string {
  if (error instanceof WooProblem) return error.message;
  if (error instanceof Refusal && error.code === 'store-without-keys') return page.t('reading.no_keys');
  if (error instanceof Refusal && error.code === 'package-not-active') return page.t('imports.not_active');
  throw error;
}

function daysIn(text: string): number | null {
  const days = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return days >= 1 && days <= limits.importDaysMax ? days : null;
}

async function packageAt(ctx: Context, page: StaffPage, id: string): Promise<Package> {
  const found = isId(id) ? await findPackage(ctx.db, id) : null;
  if (!found || !seesStore(page.staff, found.storeId)) {
    throw new Refusal('not-found', 'There is no such package.');
  }
  return found;
}
