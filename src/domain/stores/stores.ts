import { randomBytes } from 'node:crypto';
import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { assert, Refusal } from '../../platform/refusal';
import type { Vault } from '../../platform/secrets';
import {
  checkStore,
  DEFAULT_STORE,
  detailsOfNew,
  learnedFromShop,
  type NewStore,
  type StoreChanges,
} from './rules';
import {
  allSealed,
  findSealed,
  findStoreBySlug,
  findStoresByMailAddress,
  insertStore,
  lockStore,
  type OldSecret,
  type Sealed,
  type Store,
  saveStore,
} from './store';

interface StoreSecrets {
  consumerKey: string | null;
  consumerSecret: string | null;
  webhookSecret: string | null;
}

/**
 * Connect a shop. What is not said is guessed from its address: name, language, country, time zone.
 * Shape:   { slug, name?, url?, webhookSecret?, consumerKey?, consumerSecret?, paidStatuses?, locale?, country?, timeZone?, notices?, customerNote?, … } → Store
 * Errors:  invalid-request {errors}, store-slug-taken
 * Writes:  stores
 */
export async function createStore(trx: Trx, moment: Moment, vault: Vault, input: NewStore): Promise<Store> {
  const checked = checkStore(input);
  await refuseTakenAddress(trx, checked.mailAddress, null);
  const store = newStore(moment, checked, false);
  if (!(await insertStore(trx, store, seal(vault, checked)))) {
    throw new Refusal('store-slug-taken', `There is already a store "${store.slug}".`, { slug: store.slug });
  }
  return store;
}

function newStore(moment: Moment, input: NewStore, fromEnvironment: boolean): Store {
  return {
    id: moment.ids.next(),
    slug: input.slug,
    ...detailsOfNew(input, input.url ?? null),
    currency: null,
    fromEnvironment,
    createdAt: moment.at,
    updatedAt: moment.at,
  };
}

/**
 * Change what is said; the rest stays.
 * Errors:  not-found, invalid-request {errors}
 * Writes:  stores
 * Repeat:  the same change again changes nothing
 */
export async function updateStore(
  trx: Trx,
  moment: Moment,
  vault: Vault,
  id: string,
  changes: StoreChanges,
): Promise<Store> {
  const checked = checkStore(changes);
  const locked = await lockStore(trx, id);
  if (!locked) throw new Refusal('not-found', 'There is no such store.');
  await refuseTakenAddress(trx, checked.mailAddress, id);
  const store: Store = {
    ...locked.store,
    name: checked.name ?? locked.store.name,
    url: checked.url === undefined ? locked.store.url : checked.url,
    paidStatuses: checked.paidStatuses ?? locked.store.paidStatuses,
    locale: checked.locale ?? locked.store.locale,
    country: checked.country ?? locked.store.country,
    timeZone: checked.timeZone ?? locked.store.timeZone,
    notices: checked.notices ?? locked.store.notices,
    customerNote: checked.customerNote ?? locked.store.customerNote,
    privateRefundNotes: checked.privateRefundNotes ?? locked.store.privateRefundNotes,
    writeTicketMeta: checked.writeTicketMeta ?? locked.store.writeTicketMeta,
    mailAddress: checked.mailAddress === undefined ? locked.store.mailAddress : checked.mailAddress,
    updatedAt: moment.at,
  };
  const changed = changedSecrets(vault, locked.sealed, checked);
  await saveStore(trx, store, seal(vault, changed), oldSecretAfter(moment, vault, locked.sealed, changed));
  return store;
}

/** A mail belongs to one store. */
async function refuseTakenAddress(
  trx: Trx,
  address: string | null | undefined,
  id: string | null,
): Promise<void> {
  const others = address ? await findStoresByMailAddress(trx, [address]) : [];
  if (others.every((store) => store.id === id)) return;
  const errors = [{ path: 'mail_address', message: 'must not be the address of another store' }];
  throw new Refusal('invalid-request', 'The store is not valid.', { errors });
}

/** What becomes of the secret that was: good for a day, or for nothing where the secret is taken away. */
function oldSecretAfter(
  moment: Moment,
  vault: Vault,
  kept: Sealed,
  changed: StoreChanges,
): OldSecret | null | undefined {
  if (changed.webhookSecret === undefined) return undefined;
  if (changed.webhookSecret === null || kept.webhookSecret === null) return null;
  try {
    vault.open(kept.webhookSecret);
  } catch {
    // Sealed under another SECRET_KEY: nobody knows it any more.
    return null;
  }
  const until = iso(addSeconds(new Date(moment.at), limits.oldWebhookSecretHours * 3600));
  return { sealed: kept.webhookSecret, until };
}

/**
 * See to it that the store has a webhook secret.
 * Shape:   store id → the secret, made now where there was none
 * Writes:  stores
 */
export async function ensureWebhookSecret(
  trx: Trx,
  moment: Moment,
  vault: Vault,
  id: string,
): Promise<string> {
  const locked = await lockStore(trx, id);
  assert(locked, `store ${id} exists`);
  if (locked.sealed.webhookSecret !== null) return vault.open(locked.sealed.webhookSecret);
  // Letters, digits, - and _: WooCommerce decodes HTML entities in a secret.
  const secret = randomBytes(32).toString('base64url');
  await saveStore(trx, { ...locked.store, updatedAt: moment.at }, seal(vault, { webhookSecret: secret }));
  return secret;
}

/**
 * Keep what the shop says of itself: its currency always, its name and where it is the first time, for as much as nobody
 * has said otherwise.
 * Writes:  stores, only where it differs
 */
export async function learnFromShop(
  trx: Trx,
  moment: Moment,
  id: string,
  told: { currency: string | null; name: string | null; timeZone: string | null; isFirst: boolean },
): Promise<void> {
  const locked = await lockStore(trx, id);
  assert(locked, `store ${id} exists`);
  const { store } = locked;
  const learned = {
    ...(told.currency === null ? {} : { currency: told.currency }),
    ...(told.isFirst ? learnedFromShop(store, told) : {}),
  };
  const isNew = Object.entries(learned).some(([key, value]) => store[key as keyof Store] !== value);
  if (isNew) await saveStore(trx, { ...store, ...learned, updatedAt: moment.at }, {});
}

/**
 * See to it that the store `default` exists and is as the environment says.
 * Shape:   values of WOOCOMMERCE_*; a null leaves what is there, so that an admin can fill it in → Store
 * Writes:  stores, only where something differs
 * Repeat:  harmless, also by several processes that start at once
 * Source:  DESIGN §6 "Environment"
 */
export async function syncEnvironmentStore(
  trx: Trx,
  moment: Moment,
  vault: Vault,
  environment: StoreSecrets & { url: string | null },
): Promise<Store> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== null),
  ) as StoreChanges;
  const fromEnvironment = Object.keys(given).length > 0;
  const found = await findStoreBySlug(trx, DEFAULT_STORE);
  if (!found) {
    const store = newStore(moment, { slug: DEFAULT_STORE, ...given }, fromEnvironment);
    if (await insertStore(trx, store, seal(vault, given))) return store;
  }
  const existing = found ?? (await findStoreBySlug(trx, DEFAULT_STORE));
  const locked = existing && (await lockStore(trx, existing.id));
  assert(locked, 'the default store exists');
  const changed = changedSecrets(vault, locked.sealed, given);
  const url = given.url ?? locked.store.url;
  if (
    Object.keys(changed).length === 0 &&
    url === locked.store.url &&
    fromEnvironment === locked.store.fromEnvironment
  ) {
    return locked.store;
  }
  // The first address that is known also says where the shop is; what an admin has set since stays.
  const untouched = locked.store.url === null && locked.store.createdAt === locked.store.updatedAt;
  const details = untouched ? detailsOfNew({}, url) : { ...locked.store, url };
  const store = { ...locked.store, ...details, fromEnvironment, updatedAt: moment.at };
  await saveStore(trx, store, seal(vault, changed), oldSecretAfter(moment, vault, locked.sealed, changed));
  return store;
}

const SECRETS = ['consumerKey', 'consumerSecret', 'webhookSecret'] as const;

function seal(vault: Vault, input: StoreChanges): Partial<Sealed> {
  const sealed: Partial<Sealed> = {};
  for (const name of SECRETS) {
    const plain = input[name];
    if (plain !== undefined) sealed[name] = plain === null ? null : vault.seal(plain);
  }
  return sealed;
}

function open(vault: Vault, sealed: Sealed): StoreSecrets {
  const opened = (text: string | null) => (text === null ? null : vault.open(text));
  return {
    consumerKey: opened(sealed.consumerKey),
    consumerSecret: opened(sealed.consumerSecret),
    webhookSecret: opened(sealed.webhookSecret),
  };
}

/** Sealing makes another text each time, so what is kept is compared opened. */
function changedSecrets(vault: Vault, kept: Sealed, given: StoreChanges): StoreChanges {
  const changed: StoreChanges = {};
  for (const name of SECRETS) {
    const value = given[name];
    if (value === undefined) continue;
    const sealed = kept[name];
    let same = false;
    try {
      same = sealed !== null && vault.open(sealed) === value;
    } catch {
      // Sealed under another SECRET_KEY: the environment says it anew.
    }
    if (!same) changed[name] = value;
  }
  return changed;
}

/** For the gateway and the webhook only; never part of an answer. */
export async function storeSecrets(db: Db, vault: Vault, id: string): Promise<StoreSecrets> {
  const found = await findSealed(db, { id });
  assert(found, `store ${id} exists`);
  return open(vault, found.sealed);
}

/** All that a webhook has to know before it reads a body, in one query. */
export async function webhookKey(
  db: Db,
  vault: Vault,
  slug: string,
): Promise<{
  storeId: string;
  secret: string | null;
  /** The one before, good until then. */
  old?: { secret: string; until: string };
} | null> {
  const found = await findSealed(db, { slug });
  if (!found) return null;
  const { storeId, old } = found;
  const { webhookSecret } = found.sealed;
  return {
    storeId,
    secret: webhookSecret === null ? null : vault.open(webhookSecret),
    ...(old ? { old: { secret: vault.open(old.sealed), until: old.until } } : {}),
  };
}

/** Throws when SECRET_KEY is not the one under which the stored secrets were sealed: better at start than at an order. */
export async function assertSecretsOpen(db: Db, vault: Vault): Promise<void> {
  for (const sealed of await allSealed(db)) open(vault, sealed);
}
