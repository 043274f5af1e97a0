import { attachmentsOf } from '../domain/attachments';
import type { SendingChannel } from '../domain/messages';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { limits } from '../platform/limits';

export interface SandboxRow {
  id: string;
  channel: SendingChannel;
  to: string;
  from: string;
  subject: string | null;
  text: string;
  kind: 'reply' | 'system';
  at: string;
  ticket: { id: string; number: string } | null;
}

type Row = Record<string, unknown>;

function messages(db: Db) {
  return db('sandbox_messages')
    .leftJoin('tickets', 'tickets.id', 'sandbox_messages.ticket_id')
    .select('sandbox_messages.*', 'tickets.number as ticket_number');
}

function rowFrom(row: Row): SandboxRow {
  return {
    id: row.id as string,
    channel: row.channel as SendingChannel,
    to: row.to_address as string,
    from: row.from_address as string,
    subject: row.subject as string | null,
    text: row.text as string,
    kind: row.kind as SandboxRow['kind'],
    at: row.at as string,
    ticket:
      row.ticket_number === null ? null : { id: row.ticket_id as string, number: String(row.ticket_number) },
  };
}

/** Newest first. */
export async function readSandbox(
  db: Db,
  {
    channel,
    before,
    storeIds,
  }: { channel: SendingChannel | null; before: string | null; storeIds: StoreIds },
): Promise<{ rows: SandboxRow[]; next: string | null }> {
  const size = limits.pageSizeDefault;
  const query = onlyOf(messages(db), 'tickets.store_id', storeIds)
    .orderBy('sandbox_messages.id', 'desc')
    .limit(size + 1);
  if (channel !== null) query.where('sandbox_messages.channel', channel);
  if (before !== null) query.where('sandbox_messages.id', '<', before);
  const found = ((await query) as Row[]).map(rowFrom);
  const rows = found.slice(0, size);
  return { rows, next: found.length > size ? (rows.at(-1)?.id ?? null) : null };
}

export type SandboxMessage = SandboxRow & {
  files: { id: string; name: string; type: string; bytes: number }[];
};

export async function readSandboxMessage(
  db: Db,
  id: string,
  storeIds: StoreIds,
): Promise<SandboxMessage | null> {
  const row = (await onlyOf(messages(db), 'tickets.store_id', storeIds)
    .where('sandbox_messages.id', id)
    .first()) as Row | undefined;
  if (!row) return null;
  const files = (await attachmentsOf(db, [row.message_id as string])).map((file) => ({
    id: file.id,
    name: file.filename,
    type: file.contentType,
    bytes: file.sizeBytes,
  }));
  return { ...rowFrom(row), files };
}
