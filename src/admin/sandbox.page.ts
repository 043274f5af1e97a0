import { SENDING_CHANNELS } from '../domain/messages';
import { isId } from '../platform/ids';
import { Refusal } from '../platform/refusal';
import type { PageRoutes } from '../ui/routes';
import type { Context } from '../usecases/context';
import { readSandbox, readSandboxMessage } from './sandbox.query';
import { sandboxMessageView, sandboxView, type Transports } from './sandbox.view';

const LIST = '/admin/sandbox';

export function sandboxPage({ get }: PageRoutes, ctx: Context, transports: Transports): void {
  get(LIST, 'admin', async (page) => {
    const channel = SENDING_CHANNELS.find((known) => known === page.query.get('channel')) ?? null;
    const cursor = page.query.get('cursor') ?? '';
    const list = await readSandbox(ctx.db, {
      channel,
      before: isId(cursor) ? cursor : null,
      storeIds: page.staff.storeIds,
    });
    return sandboxView(page, { ...list, channel }, transports);
  });

  get(`${LIST}/:id`, 'admin', async (page, { id = '' }) => {
    const found = isId(id) ? await readSandboxMessage(ctx.db, id, page.staff.storeIds) : null;
    if (!found) throw new Refusal('not-found', 'There is no such message.');
    return sandboxMessageView(page, found);
  });
}
