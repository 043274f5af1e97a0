import { randomBytes } from 'node:crypto';
import { recordAudit } from '../domain/audit';
import { addPerson, hashPassword, type Role } from '../domain/staff';
import { findStoresBySlugs } from '../domain/stores';
import { type Db, withTransaction } from '../platform/db';
import type { Moment } from '../platform/moment';
import { Refusal } from '../platform/refusal';

/**
 * Adds somebody to the staff, for all stores or some, with a password that is made here, and keeps who did.
 * Shape:  { email, name, role, storeSlugs: null for all } → { id, password }: shown this once
 * Errors: invalid-request {errors}, also for a store that is not there; what addPerson() refuses
 */
export async function addStaffForStores(
  db: Db,
  moment: Moment,
  input: { email: string; name: string; role: Role; storeSlugs: string[] | null },
): Promise<{ id: string; password: string }> {
  const password = randomBytes(15).toString('base64url');
  const passwordHash = await hashPassword(password);
  return withTransaction(db, async (trx) => {
    const { email, name, role, storeSlugs } = input;
    const stores = storeSlugs && (await findStoresBySlugs(trx, storeSlugs));
    const unknown = (storeSlugs ?? []).filter((slug) => !stores?.some((store) => store.slug === slug));
    if (unknown.length > 0 || stores?.length === 0) {
      const message = `must name stores that are there, not "${unknown.join('", "')}"`;
      throw new Refusal('invalid-request', 'The person is not valid.', {
        errors: [{ path: 'stores', message }],
      });
    }
    const storeIds = stores?.map((store) => store.id) ?? null;
    const person = await addPerson(trx, moment, { email, name, passwordHash, role, storeIds });
    await recordAudit(trx, moment, {
      action: 'staff.added',
      subject: { kind: 'staff', id: person.id },
      facts: { role, stores: storeSlugs },
    });
    return { id: person.id, password };
  });
}
