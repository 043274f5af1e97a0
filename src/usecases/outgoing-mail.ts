import { attachmentsOf, contentOf, isThere } from '../domain/attachments';
import type { Message } from '../domain/messages';
import type { EmailAttachment, OutgoingEmail } from '../gateways/email/gateway';
import { customerTexts } from '../locales';
import { assert } from '../platform/refusal';
import type { Context } from './context';
import { mailsBefore, type SendingTicket, signatureOf } from './messaging.query';
import { addressWithToken, bounceTokenFor, replyTokenFor, subjectTag } from './reply-address';
import { stopNoticesUrl } from './stop-notices';

/**
 * A message of the outbox as a mail: who writes and signs, what it answers, where answers and bounces go.
 * Shape:   null: a file of it is not there any more
 * Reads:   staff, messages, attachments
 * Repeat:  the same Message-ID, whatever else has changed meanwhile
 */
export async function outgoingMail(
  ctx: Context,
  message: Message,
  ticket: SendingTicket,
): Promise<OutgoingEmail | null> {
  assert(message.to !== null, 'what is queued has a recipient');
  const { store } = ticket;
  const t = customerTexts(ticket.customer.locale);
  const signature = message.authorKind === 'staff' ? await signatureOf(ctx.db, message.authorId) : null;
  const unsubscribeUrl = message.isNotice ? stopNoticesUrl(ctx, ticket.customer.id) : undefined;
  const below = [
    ...(signature === null ? [] : [signature || `${message.authorName}\n${store.name}`]),
    ...(unsubscribeUrl === undefined ? [] : [t('mail.stop_notices', { url: unsubscribeUrl })]),
  ];
  const text = [message.body, ...below.map((part, i) => (i === 0 ? `-- \n${part}` : part))].join('\n\n');
  const references = await referencesOf(ctx, message);
  const attachments = await filesOf(ctx, message);
  if (attachments === null) return null;
  return {
    id: message.id,
    messageId: messageIdOf(ctx, message.id),
    to: message.to,
    store,
    subject: withTag(message.subject ?? '', ticket.number),
    text,
    kind: message.kind === 'reply' ? 'reply' : 'system',
    ticketId: ticket.id,
    ...(message.authorKind === 'staff'
      ? { fromName: t('mail.from', { name: message.authorName, store: store.name }) }
      : {}),
    ...(references.length > 0 ? { references } : {}),
    ...(attachments.length > 0 ? { attachments } : {}),
    ...addressesOf(ctx, message, ticket),
    ...(unsubscribeUrl === undefined ? {} : { unsubscribeUrl }),
  };
}

/** Each is read while it is sent: memory does not grow with it. */
async function filesOf(ctx: Context, message: Message): Promise<EmailAttachment[] | null> {
  const files = await attachmentsOf(ctx.db, [message.id]);
  for (const file of files) if (!(await isThere(ctx.files, file))) return null;
  return files.map((file) => ({
    filename: file.filename,
    contentType: file.contentType,
    content: () => contentOf(ctx.db, ctx.files, file),
  }));
}

function messageIdOf(ctx: Context, id: string): string {
  return `<${id}@${new URL(ctx.publicUrl).hostname}>`;
}

/** What it answers stands last: the customer's newest mail, or else our own. */
async function referencesOf(ctx: Context, message: Message): Promise<string[]> {
  const before = (await mailsBefore(ctx.db, message)).map(({ id, direction, providerId }) => ({
    isTheirs: direction === 'in',
    messageId: direction === 'out' ? messageIdOf(ctx, id) : (providerId ?? ''),
  }));
  const known = before.filter(({ messageId }) => MESSAGE_ID.test(messageId));
  const theirs = known.findLast(({ isTheirs }) => isTheirs);
  const ordered = theirs ? [...known.filter((mail) => mail !== theirs), theirs] : known;
  return ordered.map(({ messageId }) => messageId);
}

/** What other programs write there goes into our header: without spaces, brackets inside or anything that is not ASCII. */
const MESSAGE_ID = /^<[\x21-\x3b\x3d\x3f-\x7e]{3,250}>$/;

function withTag(subject: string, ticketNumber: number): string {
  const tag = subjectTag(ticketNumber);
  return subject.includes(tag) ? subject : `${subject} ${tag}`.trim();
}

/** Only where Zeton reads what comes there. A name before the @ that is too long for a token has the sender's address. */
function addressesOf(
  ctx: Context,
  message: Message,
  ticket: SendingTicket,
): Pick<OutgoingEmail, 'replyTo' | 'returnPath'> {
  const mailbox = ctx.gateways.email.mailbox?.(ticket.store) ?? null;
  if (mailbox === null) return {};
  const replyTo = addressWithToken(mailbox, replyTokenFor(ctx.vault, { ticketId: ticket.id }));
  const returnPath = addressWithToken(mailbox, bounceTokenFor(ctx.vault, { messageId: message.id }));
  return {
    ...(replyTo === null ? {} : { replyTo }),
    ...(returnPath === null ? {} : { returnPath }),
  };
}
