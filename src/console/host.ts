import type { PageHost } from '../ui/routes';
import type { Context } from '../usecases/context';
import { mailboxNames } from '../usecases/mail-addresses';
import { readSession } from '../usecases/read-session';
import { readAlarms } from './alarms.query';
import { readTimeZone } from './zone.query';

const ZONE_SECONDS = 60;

/** What pages need of the rest of Zeton. */
export function pageHost(ctx: Context): PageHost {
  let known: { zone: string; at: number } | undefined;
  return {
    now: () => ctx.clock.now(),
    publicUrl: () => ctx.publicUrl,
    // Asked for by every page, changed about never.
    async zone() {
      const now = ctx.clock.now().getTime();
      if (known && Math.abs(now - known.at) < ZONE_SECONDS * 1000) return known.zone;
      known = { zone: (await readTimeZone(ctx.db)) ?? 'UTC', at: now };
      return known.zone;
    },
    async findVisitor(token) {
      const found = await readSession(ctx, token);
      if (!found) return null;
      const { id, name, email, role, storeIds } = found.person;
      return { staff: { id, name, email, role, storeIds }, csrfToken: found.session.csrfToken };
    },
    alarms: (storeIds) => readAlarms(ctx.db, ctx.clock.now(), storeIds, mailboxNames(ctx)),
    vault: ctx.vault,
  };
}
