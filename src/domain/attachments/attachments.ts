import { Readable } from 'node:stream';
import type { Db, Trx } from '../../platform/db';
import type { FileStore } from '../../platform/file-store';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { sha256Hex } from '../../platform/secrets';
import type { AttachmentItem } from './rules';
import { type Attachment, contentPiece, findAttachment, insertAttachment } from './store';

/** A file that is safe where it will be read from, or that goes into the database with its row. */
export interface PlannedAttachment extends Omit<AttachmentItem, 'content'> {
  sha256: string;
  /** Null: it is on disk. */
  content: Buffer | null;
}

/**
 * Put files where they are kept, before the transaction that names them: none is ever named that is not there. One that
 * no row names in the end harms nobody, and the next try finds it.
 * Shape:   files null: this installation keeps them in the database
 * Repeat:  the same content is the same file
 */
export async function planAttachments(
  files: FileStore | null,
  items: AttachmentItem[],
): Promise<PlannedAttachment[]> {
  const planned: PlannedAttachment[] = [];
  for (const item of items) {
    const sha256 = sha256Hex(item.content);
    if (files) await files.put(sha256, item.content);
    planned.push({ ...item, sha256, content: files ? null : item.content });
  }
  return planned;
}

/**
 * Name the files of a message.
 * Shape:   items from planAttachments, in their order
 * Writes:  attachments
 * Repeat:  a position of a message that is taken stays as it is
 */
export async function addAttachments(
  trx: Trx,
  moment: Moment,
  { messageId, items }: { messageId: string; items: PlannedAttachment[] },
): Promise<void> {
  for (const [position, item] of items.entries()) {
    await insertAttachment(trx, {
      id: moment.ids.next(),
      messageId,
      position,
      filename: item.filename,
      contentType: item.contentType,
      sizeBytes: item.size,
      sha256: item.sha256,
      contentId: item.contentId,
      inline: item.inline,
      storage: item.content === null ? 'file' : 'database',
      content: item.content,
      createdAt: moment.at,
    });
  }
}

/**
 * A file to be sent out piece by piece: memory does not grow with its size.
 * Shape:   id → its row and a stream, or null: there is none
 */
export async function readAttachment(
  db: Db,
  files: FileStore | null,
  id: string,
): Promise<(Attachment & { stream: Readable }) | null> {
  const attachment = await findAttachment(db, id);
  if (!attachment) return null;
  if (attachment.storage === 'database') {
    return { ...attachment, stream: Readable.from(pieces(db, attachment)) };
  }
  // A database that was moved here without its files, or the other way round.
  if (!files) throw new Error(`attachment ${id} is a file, and files are not kept here`);
  return { ...attachment, stream: await files.open(attachment.sha256) };
}

/** The same of one whose row is known, as a stream that begins when it is read. Errors: as the stream's error */
export function contentOf(db: Db, files: FileStore | null, attachment: Attachment): Readable {
  return Readable.from(
    (async function* () {
      const found = await readAttachment(db, files, attachment.id);
      if (!found) throw new Error(`attachment ${attachment.id} is gone`);
      yield* found.stream;
    })(),
  );
}

/** Whether its content is where it should be: a database can come back without the files beside it. */
export async function isThere(files: FileStore | null, attachment: Attachment): Promise<boolean> {
  return attachment.storage === 'database' || ((await files?.has(attachment.sha256)) ?? false);
}

async function* pieces(db: Db, { id, sizeBytes }: Attachment): AsyncGenerator<Buffer> {
  const bytes = limits.attachmentPieceBytes;
  for (let from = 0; from < sizeBytes; from += bytes) yield await contentPiece(db, id, { from, bytes });
}
