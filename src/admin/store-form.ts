import { CUSTOMER_NOTES, isSlug, type Store, type StoreChanges } from '../domain/stores';
import { Refusal } from '../platform/refusal';
import type { Form, Mistakes } from '../ui/form';
import type { Page } from '../ui/page';

/** What can be set of a store, as it was typed. */
export interface TypedStore {
  name: string;
  paidStatuses: string;
  locale: string;
  country: string;
  timeZone: string;
  customerNote: string;
  notices: boolean;
  privateRefundNotes: boolean;
  writeTicketMeta: boolean;
  mailAddress: string;
}

export function typedFromStore(store: Store): TypedStore {
  return { ...store, paidStatuses: store.paidStatuses.join(', '), mailAddress: store.mailAddress ?? '' };
}

export function typedStoreFromForm(form: Form): TypedStore {
  return {
    name: form.trimmed('name'),
    paidStatuses: form.trimmed('paid_statuses'),
    locale: form.trimmed('locale'),
    country: form.trimmed('country'),
    timeZone: form.trimmed('time_zone'),
    customerNote: form.text('customer_note'),
    notices: form.has('notices'),
    privateRefundNotes: form.has('private_refund_notes'),
    writeTicketMeta: form.has('write_ticket_meta'),
    mailAddress: form.trimmed('mail_address'),
  };
}

export function changesFromTyped(typed: TypedStore): StoreChanges {
  return {
    ...typed,
    paidStatuses: typed.paidStatuses.split(/[\s,]+/).filter(Boolean),
    mailAddress: typed.mailAddress === '' ? null : typed.mailAddress,
    customerNote: CUSTOMER_NOTES.find((note) => note === typed.customerNote) ?? 'zeton',
  };
}

/** What the domain refused, beside the fields. Another error is thrown on. */
export function mistakesIn({ t }: Page, error: unknown): Mistakes {
  if (!(error instanceof Refusal) || error.code !== 'invalid-request') throw error;
  const { errors } = error.facts as { errors?: { path: string; message: string }[] };
  return Object.fromEntries(
    (errors ?? []).map(({ path, message }) => [path, t('stores.mistake', { message })]),
  );
}

/** What was typed as the shop's address; https where nothing else is said, and without what a copied address brings. */
export function addressFrom(text: string): string {
  const trimmed = text.trim();
  const full = trimmed === '' || /^[a-z]+:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  return full.replace(/\/(wp-admin|wp-json|wp-login\.php)(\/.*)?$/i, '');
}

/** trgovina-si of https://www.trgovina.si; with a number where that is taken. */
export function slugFor(url: string, taken: ReadonlySet<string>): string {
  const { hostname, pathname } = new URL(url);
  const words = `${hostname.replace(/^www\./, '')}${pathname}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const base = words.replace(/^-+|-+$/g, '').slice(0, 36) || 'shop';
  for (let n = 1; ; n++) {
    const slug = n === 1 ? base : `${base}-${n}`;
    if (isSlug(slug) && !taken.has(slug)) return slug;
  }
}
