import { decode } from 'entities';
import { z } from 'zod';
import { limits } from '../../platform/limits';

/** A product, or one variation of it, as the shop has it. */
export interface SeenProduct {
  productId: number;
  variationId: number | null;
  name: string;
  sku: string;
  /** As the shop writes it. */
  price: string;
  imageUrl: string | null;
  /** publish, draft, trash …; deleted: the shop does not know it any more. */
  status: string;
  type: 'simple' | 'variable' | 'variation' | 'other';
}

/** What is worth a word about the product that buys a package. Nothing that was bought changes by any of it. */
export type ProductNews =
  | { kind: 'deleted' }
  | { kind: 'trash' }
  | { kind: 'sku'; was: string; now: string }
  | { kind: 'renamed'; now: string }
  /** A draft, or private: nobody can buy it. */
  | { kind: 'hidden' };

/** `noted`: what it was matched by, and called, then. Null: nothing new, or nothing known. */
export function newsOf(
  noted: { matchKind: string; matchValue: string; name: string },
  now: Pick<SeenProduct, 'name' | 'sku' | 'status'> | null,
): ProductNews[] {
  if (!now) return [];
  if (now.status === 'deleted') return [{ kind: 'deleted' }];
  const news: ProductNews[] = [];
  if (now.status === 'trash') news.push({ kind: 'trash' });
  else if (now.status !== 'publish') news.push({ kind: 'hidden' });
  if (noted.matchKind === 'sku' && now.sku !== noted.matchValue) {
    news.push({ kind: 'sku', was: noted.matchValue, now: now.sku });
  }
  if (now.name !== noted.name) news.push({ kind: 'renamed', now: now.name });
  return news;
}

const NUL = String.fromCharCode(0);
const text = z.union([z.string(), z.number(), z.null(), z.undefined()]).transform((value) =>
  String(value ?? '')
    .replaceAll(NUL, '')
    .slice(0, limits.subjectChars),
);
const body = z.looseObject({
  id: z.number().int().positive(),
  name: text.transform((name) => decode(name).trim()),
  type: text,
  status: text,
  sku: text,
  price: text,
  parent_id: z.number().int().nonnegative().nullish(),
  date_modified_gmt: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
    .nullish(),
  images: z.array(z.looseObject({ src: z.string() })).catch([]),
});

const KINDS = ['simple', 'variable', 'variation'] as const;

/** What a webhook says of a product; null: that is none. */
export function readProductBody(
  json: string,
): { id: number; product: SeenProduct | null; modifiedGmt: string | null } | null {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch {
    return null;
  }
  const parsed = body.safeParse(data);
  if (!parsed.success) {
    const { id } = (data ?? {}) as { id?: unknown };
    return typeof id === 'number' && Number.isSafeInteger(id) && id > 0
      ? { id, product: null, modifiedGmt: null }
      : null;
  }
  const { id, name, type, status, sku, price, parent_id, images, date_modified_gmt } = parsed.data;
  // Of a deletion the body has nothing but the id.
  if (status === '') return { id, product: null, modifiedGmt: null };
  const parent = type === 'variation' ? (parent_id ?? 0) : 0;
  const product: SeenProduct = {
    productId: parent > 0 ? parent : id,
    variationId: parent > 0 ? id : null,
    name,
    sku,
    price,
    imageUrl: images[0]?.src ?? null,
    status,
    type: KINDS.find((kind) => kind === type) ?? 'other',
  };
  return { id, product, modifiedGmt: date_modified_gmt ?? null };
}
