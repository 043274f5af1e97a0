import { DEFAULT_STORE, findStoreBySlug, findStoresByMailAddress } from '../domain/stores';
import { limits } from '../platform/limits';
import type { Context } from './context';
import { readBounceToken, readReplyToken } from './reply-address';

/** The mailboxes that are read, as they are called in the log and on pages. */
export function mailboxNames({ gateways }: Context): string[] {
  const { mailbox } = gateways;
  return mailbox ? mailbox.folders.map((folder) => mailbox.name(folder)) : [];
}

/**
 * Whose customers write to an address: a store's own one, or that of MAIL_FROM, with any "+token".
 * Shape:   address → the store's id, or null: it is none of ours
 * Reads:   stores
 */
export async function storeOfAddress(ctx: Context, address: string): Promise<string | null> {
  return storeOfAddresses(ctx, [address]);
}

/** The same of all recipients of a mail: the first that is ours decides. */
export async function storeOfAddresses(ctx: Context, addresses: string[]): Promise<string | null> {
  const wanted = addresses.slice(0, limits.mailRecipients).map((address) => baseOf(ctx, address));
  const stores = await findStoresByMailAddress(ctx.db, wanted);
  for (const base of wanted) {
    const store = stores.find(({ mailAddress }) => mailAddress === base);
    if (store) return store.id;
    // A token says more than this address: whose ticket it is.
    if (base === ctx.mailAddress) return (await findStoreBySlug(ctx.db, DEFAULT_STORE))?.id ?? null;
  }
  return null;
}

/** support@shop.example of Support+TOKEN@shop.example, and of support-TOKEN@…, as some servers write it. */
function baseOf(ctx: Context, address: string): string {
  const small = address.trim().toLowerCase();
  const at = small.lastIndexOf('@');
  const [local, domain] = [small.slice(0, at), small.slice(at)];
  const isSigned = readReplyToken(ctx.vault, small) !== null || readBounceToken(ctx.vault, small) !== null;
  const end = isSigned ? local.search(/[+=-][a-z2-7]+$/) : local.indexOf('+');
  return end === -1 ? small : local.slice(0, end) + domain;
}
