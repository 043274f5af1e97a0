import type { Db, Trx } from '../../platform/db';

export interface Attachment {
  id: string;
  messageId: string;
  position: number;
  filename: string;
  contentType: string;
  sizeBytes: number;
  sha256: string;
  contentId: string | null;
  inline: boolean;
  storage: 'file' | 'database';
}

type Row = Record<string, unknown>;

/** Never the content: that may be 25 MB. */
const COLUMNS = [
  'id',
  'message_id',
  'position',
  'filename',
  'content_type',
  'size_bytes',
  'sha256',
  'content_id',
  'inline',
  'storage',
];

function attachmentFrom(row: Row): Attachment {
  return {
    id: row.id as string,
    messageId: row.message_id as string,
    position: Number(row.position),
    filename: row.filename as string,
    contentType: row.content_type as string,
    sizeBytes: Number(row.size_bytes),
    sha256: row.sha256 as string,
    contentId: row.content_id as string | null,
    inline: Number(row.inline) === 1,
    storage: row.storage as Attachment['storage'],
  };
}

/** One at a time: each may be 25 MB. A position that is taken stays as it is. */
export async function insertAttachment(
  trx: Trx,
  attachment: Attachment & { content: Buffer | null; createdAt: string },
): Promise<void> {
  await trx('attachments')
    .insert({
      id: attachment.id,
      message_id: attachment.messageId,
      position: attachment.position,
      filename: attachment.filename,
      content_type: attachment.contentType,
      size_bytes: attachment.sizeBytes,
      sha256: attachment.sha256,
      content_id: attachment.contentId,
      inline: attachment.inline ? 1 : 0,
      storage: attachment.storage,
      content: attachment.content,
      created_at: attachment.createdAt,
    })
    .onConflict(['message_id', 'position'])
    .ignore();
}

export async function findAttachment(db: Db, id: string): Promise<Attachment | null> {
  const row = (await db('attachments').where({ id }).first(COLUMNS)) as Row | undefined;
  return row ? attachmentFrom(row) : null;
}

/** Of these messages, in the order in which they stand in each. */
export async function attachmentsOf(db: Db, messageIds: string[]): Promise<Attachment[]> {
  if (messageIds.length === 0) return [];
  const rows = (await db('attachments')
    .whereIn('message_id', messageIds)
    .orderBy(['message_id', 'position'])
    .select(COLUMNS)) as Row[];
  return rows.map(attachmentFrom);
}

/** A piece of a content that is kept in the database. Shape: from 0 */
export async function contentPiece(
  db: Db,
  id: string,
  { from, bytes }: { from: number; bytes: number },
): Promise<Buffer> {
  const row = (await db('attachments')
    .where({ id })
    .first(db.raw('substr(content, ?, ?) as piece', [from + 1, bytes]))) as Row | undefined;
  return (row?.piece as Buffer | null | undefined) ?? Buffer.alloc(0);
}
