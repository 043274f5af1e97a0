import { findPackage, type Package } from '../domain/packages';
import { isId } from '../platform/ids';
import { Refusal } from '../platform/refusal';
import type { Form } from '../ui/form';
import { type StaffPage, seesStore } from '../ui/page';
import { newFormKey, repeatable } from '../ui/repeatable';
import { type Answer, type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { createPackageIn, noteProductIn, updatePackageIn } from '../usecases/define-package';
import { withIdempotency, withoutIdempotency } from '../usecases/idempotency';
import { type PackageForm, packageView, promiseView } from './package.view';
import {
  blankTyped,
  isSameAs,
  type Typed,
  typedFromForm,
  typedFromPackage,
  understand,
} from './package-form';
import { readPackages, readProductNews } from './packages.query';
import { packagesView } from './packages.view';
import { pickedOf, pickerOf, withPicked } from './products.page';
import { readShops } from './stores.query';

const LIST = '/admin/packages';

export function packagesPage({ get, post }: PageRoutes, ctx: Context): void {
  get(LIST, 'admin', async (page) => {
    const cursor = page.query.get('cursor') ?? '';
    const list = await readPackages(ctx.db, isId(cursor) ? cursor : null, page.staff.storeIds);
    return packagesView(page, list, await readShops(ctx.db, page.staff.storeIds));
  });

  get(`${LIST}/new`, 'admin', async (page) => {
    const shops = await readShops(ctx.db, page.staff.storeIds);
    const picker = await pickerOf(ctx, page, shops, page.query.get('store') ?? '');
    const blank = blankTyped(picker?.shop.id ?? '', picker?.shop.hasKeys ?? false);
    return packageView(page, {
      known: null,
      ...(await pickedIn(page, blank)),
      shops,
      key: newFormKey(),
      mistakes: {},
      picker,
      news: [],
    });
  });

  post(`${LIST}/preview`, 'admin', (page, form) => promiseView(page, typedFromForm(form)));

  post(`${LIST}/new`, 'admin', async (page, form) => {
    const shops = await readShops(ctx.db, page.staff.storeIds);
    const typed = typedFromForm(form);
    // It is asked for only where there are several.
    if (shops.length === 1) typed.store = shops[0]?.id ?? '';
    const { input, mistakes } = understand(page, typed, null);
    if (!shops.some(({ id }) => id === typed.store)) mistakes.store = page.t('packages.mistakes.store');
    const picker = await pickerOf(ctx, page, shops, typed.store);
    const again: PackageForm = { known: null, typed, shops, key: newFormKey(), mistakes, picker, news: [] };
    if (Object.keys(mistakes).length > 0) return refused(packageView(page, again));
    try {
      const { body } = await withIdempotency(
        ctx,
        repeatable(page, keyIn(form), askedIn(form)),
        async (trx) => {
          const made = await createPackageIn(trx, ctx, page.actor, { ...input, storeId: typed.store });
          return { status: 201, body: { id: made.id } };
        },
      );
      const { id } = body as { id: string };
      return seeOther(`${LIST}/${id}`, {
        flash: { tone: 'good', text: page.t('packages.created', { name: input.name }) },
      });
    } catch (error) {
      if (error instanceof Refusal && error.code === 'idempotency-conflict') {
        const link = { href: LIST, text: page.t('packages.title') };
        const problem = { text: page.t('packages.saved_before'), link };
        return refused(packageView(page, { ...again, problem }), 409);
      }
      return afterTaken(page, again, error);
    }
  });

  get(`${LIST}/:id`, 'admin', async (page, { id = '' }) => {
    const known = await packageAt(ctx, page, id);
    const shops = await readShops(ctx.db, page.staff.storeIds);
    const picker = await pickerOf(ctx, page, shops, known.storeId);
    return packageView(page, {
      known,
      ...(await pickedIn(page, typedFromPackage(known))),
      shops,
      key: newFormKey(),
      mistakes: {},
      picker,
      news: await newsOf(known),
    });
  });

  post(`${LIST}/:id`, 'admin', async (page, form, { id = '' }) => {
    const known = await packageAt(ctx, page, id);
    const typed: Typed = { ...typedFromForm(form), store: known.storeId };
    const { input, mistakes } = understand(page, typed, known);
    const shops = await readShops(ctx.db, page.staff.storeIds);
    const picker = await pickerOf(ctx, page, shops, known.storeId);
    const news = await newsOf(known);
    const again: PackageForm = { known, typed, shops, key: newFormKey(), mistakes, picker, news };
    if (Object.keys(mistakes).length > 0) return refused(packageView(page, again));
    // The same again, as after a double click: nothing to do.
    if (isSameAs(known, input)) {
      await withoutIdempotency(ctx, async (trx) => {
        await noteProductIn(trx, ctx, known);
        return { status: 200, body: null };
      });
    } else {
      if (form.text('version') !== known.versionId) {
        const problem = { text: page.t('packages.changed_meanwhile') };
        return refused(packageView(page, { ...again, problem }), 409);
      }
      try {
        await withoutIdempotency(ctx, async (trx) => {
          await updatePackageIn(trx, ctx, page.actor, id, input);
          return { status: 200, body: null };
        });
      } catch (error) {
        return afterTaken(page, again, error);
      }
    }
    return seeOther(`${LIST}/${id}`, {
      flash: { tone: 'good', text: page.t('packages.saved', { name: input.name }) },
    });
  });

  /** Without a script the choice of a product comes by the address. */
  async function pickedIn(page: StaffPage, typed: Typed): Promise<Pick<PackageForm, 'typed' | 'picked'>> {
    const picked = await pickedOf(ctx, typed.store, page.query.get('pick') ?? '');
    return picked ? { typed: withPicked(typed, picked), picked: picked.name } : { typed };
  }

  async function newsOf(known: Package) {
    return (await readProductNews(ctx.db, [known])).get(known.id) ?? [];
  }

  /** The product is bought by another package: said beside it, with the way there. Another error is thrown on. */
  function afterTaken(page: StaffPage, again: PackageForm, error: unknown): Answer {
    if (!(error instanceof Refusal) || error.code !== 'package-match-taken') throw error;
    const { package_id: id, package_name: name } = error.facts;
    if (typeof id !== 'string' || typeof name !== 'string') {
      const mistakes = { match_value: page.t('packages.mistakes.taken_by_another') };
      return refused(packageView(page, { ...again, mistakes }), 409);
    }
    const mistakes = { match_value: page.t('packages.mistakes.taken', { name }) };
    return refused(packageView(page, { ...again, mistakes, taken: { id, name } }), 409);
  }
}

async function packageAt(ctx: Context, page: StaffPage, id: string): Promise<Package> {
  const found = isId(id) ? await findPackage(ctx.db, id) : null;
  if (!found || !seesStore(page.staff, found.storeId)) {
    throw new Refusal('not-found', 'There is no such package.');
  }
  return found;
}

/** What the form says, without what differs each time it is drawn. */
function askedIn(form: Form): [string, string][] {
  return form.entries().filter(([name]) => name !== '_csrf' && name !== 'key');
}

/** What is no key of ours is as good as none. */
function keyIn(form: Form): string {
  const key = form.text('key');
  return /^[\w-]{8,100}$/.test(key) ? key : newFormKey();
}
