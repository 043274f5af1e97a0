import { attachmentsOf, readAttachment } from '../domain/attachments';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { Form } from '../ui/form';
import type { StaffPage } from '../ui/page';
import { type Answer, type PageRoutes, Reply, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { decideAboutBounce } from '../usecases/decide-bounce';
import { decideAboutSender, type SenderDecision } from '../usecases/decide-sender';
import { type MailPictures, mailDocument, mailDocumentHeaders } from './mail-document';
import { answerMessage } from './ticket.page';
import type { TicketHead } from './ticket.query';
import { ticketOf } from './ticket-desk';
import { readMailHtml } from './ticket-mail.query';
import { readMessagesById, type ThreadMessage } from './ticket-thread.query';
import { ticketHref } from './ticket-words';

const MESSAGE = '/console/tickets/:ref/messages/:message';
const DECISIONS: SenderDecision[] = ['accept', 'split', 'spam'];

/** What an agent does with mails that came in, or came back. */
export function ticketMailPage({ get, post }: PageRoutes, ctx: Context): void {
  /** The mail as it was sent, for a frame in which nothing runs. */
  get(`${MESSAGE}/mail`, 'read-only', async (page, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const messageId = params.message ?? '';
    const html = isId(messageId) ? await readMailHtml(ctx.db, { ticketId: ticket.id, messageId }) : null;
    if (html === null) throw new Refusal('not-found', 'There is no such mail.');
    const remote = page.query.get('pictures') === 'yes';
    const inside = html.includes('data-cid=')
      ? await picturesInside(ctx, messageId)
      : new Map<string, string>();
    const markup = mailDocument(html, { remote, inside, theme: page.theme });
    return new Reply({ status: 200, markup, headers: mailDocumentHeaders({ remote }) });
  });

  post(`${MESSAGE}/sender`, 'agent', async (page, form, params) => {
    const { ticket, message } = await messageOf(ctx, page, params);
    const decision = DECISIONS.find((one) => one === form.text('decision'));
    if (!decision) throw new Refusal('invalid-request', 'There is no such decision.');
    const { changed } = await decideAboutSender(ctx, page.actor, { messageId: message.id, decision });
    return answer(ctx, page, form, { ticket, message, changed });
  });

  post(`${MESSAGE}/bounce`, 'agent', async (page, form, params) => {
    const { ticket, message } = await messageOf(ctx, page, params);
    const returned = form.text('returned');
    if (returned !== 'yes' && returned !== 'no')
      throw new Refusal('invalid-request', 'Did it come back, or not?');
    const { changed } = await decideAboutBounce(ctx, page.actor, {
      messageId: message.id,
      returned: returned === 'yes',
    });
    return answer(ctx, page, form, { ticket, message, changed });
  });
}

/** Only those of this ticket: a person who may see it may decide about them. */
async function messageOf(
  ctx: Context,
  page: StaffPage,
  params: Record<string, string>,
): Promise<{ ticket: TicketHead; message: ThreadMessage }> {
  const ticket = await ticketOf(ctx, page, params);
  const id = params.message ?? '';
  const [message] = isId(id) ? await readMessagesById(ctx.db, ticket.id, [id]) : [];
  if (!message) throw new Refusal('not-found', 'There is no such message.');
  return { ticket, message };
}

async function answer(
  ctx: Context,
  page: StaffPage,
  form: Form,
  { ticket, message, changed }: { ticket: TicketHead; message: ThreadMessage; changed: boolean },
): Promise<Answer> {
  if (!page.isFragment) {
    const flash = { tone: 'low' as const, text: page.t('ticket_mail.decided_already') };
    return seeOther(ticketHref(ticket.number), changed ? {} : { flash });
  }
  return answerMessage(ctx, page, form, ticket, message.id);
}

/** As data: the frame's page has no cookies, so it can fetch nothing that only agents may see. */
async function picturesInside(ctx: Context, messageId: string): Promise<MailPictures> {
  const found: MailPictures = new Map();
  let room: number = limits.mailShownPictureBytes;
  for (const file of await attachmentsOf(ctx.db, [messageId])) {
    if (file.contentId === null || !/^image\/(png|jpeg|gif|webp)$/.test(file.contentType)) continue;
    if (file.sizeBytes > room) continue;
    room -= file.sizeBytes;
    const read = await readAttachment(ctx.db, ctx.files, file.id);
    if (!read) continue;
    const pieces: Buffer[] = [];
    for await (const piece of read.stream) pieces.push(piece as Buffer);
    found.set(file.contentId, `data:${file.contentType};base64,${Buffer.concat(pieces).toString('base64')}`);
  }
  return found;
}
