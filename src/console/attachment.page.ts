import { contentDisposition, readAttachment } from '../domain/attachments';
import { Refusal } from '../platform/refusal';
import { download, type PageRoutes } from '../ui/routes';
import type { Context } from '../usecases/context';
import { isAttachmentInSight } from './attachments.query';

const ATTACHMENTS_PATH = '/attachments';

/** The files of messages, each as a download: what strangers have sent never runs here. */
export function attachmentPage({ get }: PageRoutes, ctx: Context): void {
  get(`${ATTACHMENTS_PATH}/:id`, 'read-only', async (page, { id = '' }) => {
    const mayBeSeen = await isAttachmentInSight(ctx.db, id, page.staff.storeIds);
    const file = mayBeSeen ? await readAttachment(ctx.db, ctx.files, id) : null;
    if (!file) throw new Refusal('not-found', 'There is no such attachment.');
    return download({
      type: file.contentType,
      disposition: contentDisposition(file.filename),
      bytes: file.sizeBytes,
      stream: file.stream,
    });
  });
}
