import { addToken } from '../domain/access';
import { recordAudit } from '../domain/audit';
import { findStoresBySlugs } from '../domain/stores';
import { type Db, withTransaction } from '../platform/db';
import type { Moment } from '../platform/moment';
import { Refusal } from '../platform/refusal';

/**
 * Makes an API token, for all stores or some, and keeps who did.
 * Shape:  { name, scopes, storeSlugs: null for all } → { id, token }: shown this once
 * Errors: invalid-request {errors}, also for a store that is not there
 */
export function addTokenForStores(
  db: Db,
  moment: Moment,
  input: { name: string; scopes: string[] | 'all'; storeSlugs: string[] | null },
): Promise<{ id: string; token: string }> {
  return withTransaction(db, async (trx) => {
    const stores = input.storeSlugs && (await findStoresBySlugs(trx, input.storeSlugs));
    const unknown = (input.storeSlugs ?? []).filter((slug) => !stores?.some((store) => store.slug === slug));
    if (unknown.length > 0) {
      throw new Refusal('invalid-request', 'The token is not valid.', {
        errors: unknown.map((slug) => ({
          path: 'stores',
          message: `must not hold "${slug}": there is no such store`,
        })),
      });
    }
    const made = await addToken(trx, moment, {
      name: input.name,
      scopes: input.scopes,
      storeIds: stores?.map((store) => store.id) ?? null,
    });
    await recordAudit(trx, moment, {
      action: 'token.added',
      subject: { kind: 'token', id: made.id },
      facts: { name: input.name, scopes: input.scopes, stores: input.storeSlugs },
    });
    return made;
  });
}
