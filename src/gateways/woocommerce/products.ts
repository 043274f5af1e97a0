import { z } from 'zod';
import type { WooClient } from './client';
import type { ListedProduct } from './gateway';
import { WooProblem } from './problem';

/** More than this on one list nobody looks through; another word narrows it down. */
const SHOWN = 20;

const image = z.looseObject({ src: z.string() });
const product = z.looseObject({
  id: z.number(),
  name: z.string(),
  type: z.string(),
  status: z.string(),
  sku: z.string().nullish(),
  price: z.string().nullish(),
  parent_id: z.number().nullish(),
  images: z.array(image).nullish(),
  image: image.nullish(),
});
type Product = z.infer<typeof product>;

const FIELDS = 'id,name,type,status,sku,price,parent_id,images,image';

/** The words may be a name or a sku; the search of WooCommerce knows names, and finds variations by sku only. */
export async function findProducts(client: WooClient, words: string): Promise<ListedProduct[]> {
  const common = { _fields: FIELDS, per_page: SHOWN };
  const byName: Record<string, string> =
    words === '' ? { orderby: 'title', order: 'asc' } : { search: words };
  const found = read((await client.get('products', { ...common, ...byName })).data);
  if (words !== '' && !words.includes(',')) {
    for (const each of read((await client.get('products', { ...common, sku: words })).data)) {
      if (!found.some(({ id }) => id === each.id)) found.unshift(each);
    }
  }
  const listed: ListedProduct[] = [];
  for (const each of found) {
    listed.push(shown(each, null));
    if (each.type !== 'variable') continue;
    const { data } = await client.get(`products/${each.id}/variations`, { ...common, per_page: 100 });
    for (const variation of read(data).reverse()) {
      if (!found.some(({ id }) => id === variation.id)) listed.push(shown(variation, each));
    }
  }
  return listed;
}

export async function findProduct(
  client: WooClient,
  productId: number,
  variationId: number | null,
): Promise<ListedProduct | null> {
  try {
    const parent = one((await client.get(`products/${productId}`, { _fields: FIELDS })).data);
    if (variationId === null) return shown(parent, null);
    const path = `products/${productId}/variations/${variationId}`;
    return shown(one((await client.get(path, { _fields: FIELDS })).data), parent);
  } catch (error) {
    if (error instanceof WooProblem && error.code === 'not-found') return null;
    throw error;
  }
}

/** A variation in the list of its product has the short name; on its own it already has the long one. */
function shown(item: Product, parent: Product | null): ListedProduct {
  const parentId = parent?.id ?? item.parent_id ?? 0;
  const isVariation = item.type === 'variation' || parent !== null;
  const picture = item.image?.src ?? item.images?.[0]?.src ?? parent?.images?.[0]?.src ?? null;
  const kinds = ['simple', 'variable', 'variation'] as const;
  return {
    productId: isVariation ? parentId : item.id,
    variationId: isVariation ? item.id : null,
    name: parent ? `${parent.name} - ${item.name}` : item.name,
    sku: item.sku ?? '',
    price: item.price ?? '',
    imageUrl: picture && /^https?:\/\//.test(picture) ? picture : null,
    // A variation of a product in the trash cannot be bought either.
    status: parent && parent.status !== 'publish' ? parent.status : item.status,
    type: isVariation ? 'variation' : (kinds.find((kind) => kind === item.type) ?? 'other'),
  };
}

function read(data: unknown): Product[] {
  const parsed = z.array(product).safeParse(data);
  if (!parsed.success)
    throw new WooProblem('broken-answer', 'The shop answered with something that is no list of products.');
  return parsed.data;
}

function one(data: unknown): Product {
  const [found] = read([data]);
  if (!found) throw new WooProblem('broken-answer', 'The shop answered with something that is no product.');
  return found;
}
