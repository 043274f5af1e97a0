import { type PlannedAttachment, planAttachments } from '../domain/attachments';
import { fileOf } from '../gateways/email';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { Context } from './context';

export interface ReplyFile {
  filename: string;
  /** What it is said to be; '' where nobody said. */
  declaredType: string;
  content: Buffer;
}

/**
 * Files that somebody sends with an answer, put where they are kept: before the transaction that names them.
 * Shape:   files → for ReplyInput.attachments
 * Errors:  invalid-request {errors: [{path: attachments…}]}
 * Repeat:  the same content is the same file
 */
export async function planReplyFiles(ctx: Context, files: ReplyFile[]): Promise<PlannedAttachment[]> {
  const problem = filesProblem(files.map((file) => file.content.length));
  if (problem) {
    const { path, message } = problem;
    throw new Refusal('invalid-request', `${path} ${message}.`, { errors: [{ path, message }] });
  }
  const items = files.map((file, i) => ({ ...fileOf(file, i + 1), contentId: null, inline: false }));
  return planAttachments(ctx.files, items);
}

/** What is wrong with files of these sizes; null: nothing. */
export function filesProblem(
  sizes: number[],
): { what: 'count' | 'size' | 'empty'; path: string; message: string } | null {
  if (sizes.length > limits.replyFiles) {
    const message = `must be at most ${limits.replyFiles}`;
    return { what: 'count', path: 'attachments', message };
  }
  if (sizes.reduce((sum, size) => sum + size, 0) > limits.replyFilesBytes) {
    const message = `must have at most ${limits.replyFilesBytes} bytes together`;
    return { what: 'size', path: 'attachments', message };
  }
  const empty = sizes.indexOf(0);
  if (empty >= 0) return { what: 'empty', path: `attachments.${empty}`, message: 'must not be empty' };
  return null;
}
