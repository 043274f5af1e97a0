import type { Db } from '../platform/db';
import { isId } from '../platform/ids';
import { onlyOf, type StoreIds } from '../platform/in-stores';

/** Whether an attachment is of a ticket in these stores. */
export async function isAttachmentInSight(db: Db, id: string, storeIds: StoreIds): Promise<boolean> {
  if (!isId(id)) return false;
  const row: unknown = await onlyOf(db('attachments'), 'tickets.store_id', storeIds)
    .join('messages', 'messages.id', 'attachments.message_id')
    .join('tickets', 'tickets.id', 'messages.ticket_id')
    .where({ 'attachments.id': id })
    .first('attachments.id');
  return row !== undefined;
}
