import type { Db, Trx } from '../../platform/db';
import type { SeenProduct } from './rules';
import {
  deleteNote,
  findNote,
  findSeen,
  markTrashed,
  saveNote,
  seenByKey,
  upsertSeen,
  upsertTold,
} from './store';

/**
 * The shop itself showed these, when it was asked at `at`.
 * Writes: shop_products. Repeat: what was seen later stays
 */
export async function productsTold(
  trx: Trx,
  input: { storeId: string; products: SeenProduct[]; at: string },
): Promise<void> {
  // Always in one order: two that write the same rows would wait for each other.
  const key = ({ productId, variationId }: SeenProduct) => [productId, variationId ?? 0] as const;
  const sorted = [...input.products].sort((a, b) => {
    const [[p, v], [q, w]] = [key(a), key(b)];
    return p - q || v - w;
  });
  for (const product of sorted) await upsertSeen(trx, { ...input, product });
}

/** A webhook said so; by the shop's own date the newest counts, whatever comes last. Writes: shop_products */
export function productTold(
  trx: Trx,
  input: { storeId: string; product: SeenProduct; modifiedGmt: string; at: string },
): Promise<void> {
  return upsertTold(trx, input);
}

/** It was put into the trash, with its variations; without keys nobody can ask more. Writes: shop_products */
export function trashTold(trx: Trx, input: { storeId: string; id: number; at: string }): Promise<void> {
  return markTrashed(trx, input);
}

/**
 * Note which product a package is matched with, and what it is called now, as far as it is known. A save of the package
 * notes it anew: whoever saved it has seen the new name. With `keepsName` what was noted stays.
 * Writes: package_products
 */
export async function noteMatch(
  trx: Trx | Db,
  input: {
    packageId: string;
    storeId: string;
    match: { kind: 'sku' | 'product_id' | 'variation_id'; value: string };
    at: string;
    keepsName?: boolean;
  },
): Promise<void> {
  const { packageId, storeId, match, at } = input;
  const before = await findNote(trx, packageId);
  const isSame = before?.matchKind === match.kind && before.matchValue === match.value;
  if (isSame && input.keepsName) return;
  // Of the product that it is matched with, whatever that has become; else of the one that carries the key now.
  const own = isSame ? await findSeen(trx, storeId, before.productId, before.variationId) : null;
  const product = own ?? (await seenByKey(trx, storeId, match));
  if (!product) {
    if (before && !isSame) await deleteNote(trx, packageId);
    return;
  }
  await saveNote(trx, {
    packageId,
    storeId,
    matchKind: match.kind,
    matchValue: match.value,
    productId: product.productId,
    variationId: product.variationId ?? 0,
    name: product.name,
    at,
  });
}
