import { DEFAULT_STORE } from '../domain/stores';
import { Refusal } from '../platform/refusal';
import type { StaffPage } from '../ui/page';
import type { PageRoutes } from '../ui/routes';
import type { Context } from '../usecases/context';
import { mailboxNames } from '../usecases/mail-addresses';
import { readIncoming } from './incoming.query';
import { INCOMING_PATH, incomingView, type Ways } from './incoming.view';

/** What comes in by mail and SMS, and whether it can. */
export function incomingPage({ get }: PageRoutes, ctx: Context, ways: Ways): void {
  get(INCOMING_PATH, 'admin', async (page) => {
    ensureAllStores(page);
    const incoming = await readIncoming(ctx.db, {
      mailboxes: mailboxNames(ctx),
      mailAddress: ctx.mailAddress,
      defaultSlug: DEFAULT_STORE,
    });
    return incomingView(page, incoming, ways);
  });
}

/** A mailbox is read for all shops, and of what could not be taken in nobody knows whose it is. */
export function ensureAllStores({ staff }: StaffPage): void {
  if (staff.storeIds === null) return;
  throw new Refusal('forbidden', 'This page is for those who look after all shops.');
}
