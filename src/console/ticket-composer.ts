import { randomUUID } from 'node:crypto';
import { normaliseEmail } from '../domain/customers';
import { checkedBody, type Plainer, plainerParts, plainLetters, plainSigns } from '../domain/messages';
import { findOptOut } from '../domain/sms';
import type { Db } from '../platform/db';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { Form, FormFile, Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';
import type { Context } from '../usecases/context';
import { quoteReply, type ReplyQuote } from '../usecases/quote-reply';
import { filesProblem } from '../usecases/reply-files';
import type { TicketHead } from './ticket.query';
import { readLastWord } from './ticket-thread.query';

export const CHANNELS = ['sms', 'email', 'note'] as const;
export type Channel = (typeof CHANNELS)[number];
export type PaidChannel = Exclude<Channel, 'note'>;
const PAID: PaidChannel[] = ['sms', 'email'];

/** What stands in the composer. */
export interface Draft {
  channel: Channel;
  subject: string;
  body: string;
  /** Why it is sent free of charge, or why credits are given. */
  reason: Record<PaidChannel, string>;
  files: FormFile[];
  /** There were more, larger than is taken. */
  isCutOff: boolean;
  /** Of the field that the files are chosen in: while it stays the same, they stay in it. */
  filesKey: string;
  /** What the writer has seen: the ticket's version, and the id of its newest message. */
  version: number;
  newestId: string;
  /** Of the form: what it sends, it sends once. */
  key: string;
}

/** What sending on a channel would take. */
export interface Offer {
  channel: PaidChannel;
  /** Null: nobody to send it to. */
  to: string | null;
  quote: ReplyQuote | null;
  /** Most parts of an SMS, when the text takes more. */
  partsMax: number | null;
  plainer: Plainer;
  /** They answered STOP. */
  optedOut: boolean;
}

export interface Notice {
  tone: 'good' | 'low' | 'bad';
  text: string;
  /** What was written meanwhile, shown beside the own text. */
  newer?: { head: string; body: string };
}

export interface ComposerState {
  draft: Draft;
  offers: Record<PaidChannel, Offer>;
  mistakes: Mistakes;
  notice: Notice | null;
}

export function newKey(): string {
  return randomUUID();
}

/** An empty one. It answers by what reaches the customer and is paid, and of that the way they wrote. */
export async function newDraft(
  db: Db,
  ticket: TicketHead,
  offers: Record<PaidChannel, Offer>,
): Promise<Draft> {
  const { newestId, customerChannel } = await readLastWord(db, ticket.id);
  const reachable = PAID.filter((channel) => reaches(ticket, offers[channel]));
  const paid = reachable.filter((channel) => offers[channel].quote?.payable);
  const good = paid.length > 0 ? paid : reachable;
  const channel = good.find((one) => one === customerChannel) ?? preferred(good);
  return {
    channel,
    subject: ticket.subject,
    body: '',
    reason: { sms: '', email: '' },
    files: [],
    isCutOff: false,
    filesKey: newKey(),
    version: ticket.version,
    newestId,
    key: newKey(),
  };
}

function reaches({ customer }: TicketHead, { channel, to, optedOut }: Offer): boolean {
  return to !== null && !optedOut && (channel !== 'email' || customer.stoppedMail === null);
}

function preferred(reachable: PaidChannel[]): Channel {
  if (reachable.includes('email')) return 'email';
  return reachable[0] ?? 'note';
}

export function draftOf(form: Form): Draft {
  const [version = '', newestId = ''] = form.text('turn').split('.');
  return {
    channel: CHANNELS.find((channel) => channel === form.text('channel')) ?? 'note',
    subject: form.text('subject'),
    body: form.text('body'),
    reason: { sms: form.text('reason_sms'), email: form.text('reason_email') },
    files: form.files,
    isCutOff: form.isCutOff,
    filesKey: /^[\w-]{8,100}$/.test(form.text('files_key')) ? form.text('files_key') : newKey(),
    version: /^\d{1,9}$/.test(version) ? Number(version) : 0,
    newestId: isId(newestId) ? newestId : '',
    key: form.text('key'),
  };
}

/** As usecases/reply-to-ticket.ts has it: a placeholder address reaches nobody. */
function recipientOf({ customer }: TicketHead, channel: PaidChannel): string | null {
  if (channel === 'sms') return customer.phoneE164;
  const email = customer.email ?? '';
  return normaliseEmail(email) === null ? null : email.trim();
}

export async function offersFor(
  ctx: Context,
  ticket: TicketHead,
  body: string,
): Promise<Record<PaidChannel, Offer>> {
  return { sms: await offerOn(ctx, ticket, 'sms', body), email: await offerOn(ctx, ticket, 'email', body) };
}

async function offerOn(ctx: Context, ticket: TicketHead, channel: PaidChannel, body: string): Promise<Offer> {
  const offer: Offer = {
    channel,
    to: recipientOf(ticket, channel),
    quote: null,
    partsMax: null,
    plainer: NO_PLAINER,
    optedOut: false,
  };
  if (offer.to === null) return offer;
  if (channel === 'sms' && (await findOptOut(ctx.db, { storeId: ticket.store.id, number: offer.to }))) {
    return { ...offer, optedOut: true };
  }
  // What costs nothing yet is quoted as the shortest text there is; what is no text is refused when it is sent.
  const priced = body.trim() === '' || body.length > limits.messageBodyChars ? '-' : body;
  try {
    const quote = await quoteReply(ctx, { ticketId: ticket.id, channel, body: priced });
    const plainer = channel === 'sms' ? plainerParts(checkedBody(priced, 'sms')) : NO_PLAINER;
    return { ...offer, quote, plainer };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.code === 'message-too-long') return { ...offer, partsMax: limits.smsSegmentsMax };
    if (error.code !== 'invalid-request') throw error;
    return { ...offer, quote: await quoteReply(ctx, { ticketId: ticket.id, channel, body: '-' }) };
  }
}

/** Parts are what the provider bills, also where the customer pays by message. */
const NO_PLAINER: Plainer = { signs: null, letters: null };

/** As the pressed button says. */
export function writtenPlainer(draft: Draft, how: string): Draft {
  return { ...draft, body: how === 'signs' ? plainSigns(draft.body) : plainLetters(draft.body) };
}

export interface RefusedReply {
  status: 402 | 409 | 422;
  draft: Draft;
  mistakes: Mistakes;
  notice: Notice;
}

/** Why it was not sent, in words, with the text kept. Anything that is no answer to a writer is thrown on. */
export function refusedReply(page: StaffPage, draft: Draft, error: unknown): RefusedReply {
  if (!(error instanceof Refusal)) throw error;
  const { t } = page;
  const { code, facts } = error;
  const bad = (text: string): Notice => ({ tone: 'bad', text });
  const mend = (mistakes: Mistakes): RefusedReply => ({
    status: 422,
    draft,
    mistakes,
    notice: bad(t('composer.refused.check')),
  });
  switch (code) {
    case 'stale-ticket':
      return stale(page, draft, facts as unknown as StaleFacts);
    case 'insufficient-credits':
      return { status: 402, draft, mistakes: {}, notice: bad(t('composer.refused.credits')) };
    case 'ticket-closed':
      return { status: 409, draft, mistakes: {}, notice: bad(t('composer.refused.closed')) };
    case 'idempotency-conflict':
      return {
        status: 409,
        draft: { ...draft, key: newKey() },
        mistakes: {},
        notice: bad(t('composer.refused.key')),
      };
    case 'no-recipient':
      return mend({ to: t(draft.channel === 'sms' ? 'composer.no_sms' : 'composer.no_email') });
    case 'recipient-opted-out':
      return mend({ to: t('composer.opted_out') });
    case 'message-too-long':
      return mend({ body: t('composer.too_long', { count: limits.smsSegmentsMax }) });
    case 'invalid-request':
      return mend(mistakesIn(page, draft, facts.errors as { path: string }[]));
    default:
      throw error;
  }
}

interface StaleFacts {
  version: number;
  newest_message: { id: string; author_name: string; channel: string; body: string } | null;
}

/** The newer message is shown, so the next try has seen it. */
function stale({ t }: StaffPage, draft: Draft, facts: StaleFacts): RefusedReply {
  const newest = facts.newest_message;
  const seen = { ...draft, version: facts.version, newestId: newest?.id ?? draft.newestId };
  if (newest === null || newest.id === draft.newestId) {
    const notice: Notice = { tone: 'low', text: t('composer.refused.stale_changed') };
    return { status: 409, draft: seen, mistakes: {}, notice };
  }
  const who = newest.author_name.trim() || t('ticket_thread.no_name');
  const channel = t(
    `ticket_thread.by_channel.${newest.channel as 'sms' | 'email' | 'web' | 'note' | 'order_note'}`,
  );
  const notice: Notice = {
    tone: 'low',
    text: t('composer.refused.stale_message', { who }),
    newer: { head: t('composer.refused.stale_head', { who, channel }), body: newest.body },
  };
  return { status: 409, draft: seen, mistakes: {}, notice };
}

function mistakesIn({ t }: StaffPage, draft: Draft, errors: { path: string }[]): Mistakes {
  const mistakes: Mistakes = {};
  for (const { path } of errors) {
    if (path === 'body') mistakes.body ??= bodyMistake(t, draft.body);
    else if (path === 'subject') mistakes.subject ??= subjectMistake(t, draft.subject);
    else if (path.startsWith('attachments')) Object.assign(mistakes, filesMistake(t, draft));
    else if (path === 'free.reason' || path === 'reason') {
      const reason = draft.channel === 'note' ? '' : draft.reason[draft.channel];
      mistakes[`reason_${draft.channel}`] ??= reasonMistake(t, reason);
    } else mistakes.body ??= t('composer.refused.body_characters');
  }
  return mistakes;
}

type Texts = StaffPage['t'];

function bodyMistake(t: Texts, body: string): string {
  if (body.trim() === '') return t('composer.refused.body_empty');
  if (body.length > limits.messageBodyChars) {
    return t('composer.refused.body_long', { count: limits.messageBodyChars });
  }
  return t('composer.refused.body_characters');
}

function subjectMistake(t: Texts, subject: string): string {
  if (subject.trim() === '') return t('composer.refused.subject_empty');
  if (subject.trim().length > limits.subjectChars) {
    return t('composer.refused.subject_long', { count: limits.subjectChars });
  }
  return t('composer.refused.body_characters');
}

function filesMistake(t: Texts, { channel, files, isCutOff }: Draft): Mistakes {
  if (channel !== 'email') return { body: t('composer.refused.files_email') };
  const what = isCutOff ? 'size' : filesProblem(files.map((file) => file.content.length))?.what;
  if (what === 'count') return { files: t('composer.refused.files_count', { count: limits.replyFiles }) };
  if (what === 'empty') return { files: t('composer.refused.files_empty') };
  return { files: t('composer.refused.files_size', { megabytes: REPLY_MEGABYTES }) };
}

export const REPLY_MEGABYTES = limits.replyFilesBytes / 1_000_000;

/** '': it is good. */
export function reasonMistake(t: Texts, reason: string): string {
  if (reason.trim() === '') return t('composer.refused.reason_empty');
  return reason.length > limits.reasonChars
    ? t('composer.refused.reason_long', { count: limits.reasonChars })
    : '';
}
