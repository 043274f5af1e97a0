import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { Form, Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';
import { type Answer, type PageRoutes, Reply, seeOther } from '../ui/routes';
import { adjustCreditsIn } from '../usecases/adjust-credits';
import type { Context } from '../usecases/context';
import { endVideoSession } from '../usecases/end-video-session';
import { openTicketForCustomerIn } from '../usecases/open-ticket';
import { planReplyFiles } from '../usecases/reply-files';
import { replyToTicketIn } from '../usecases/reply-to-ticket';
import { settleUncertain } from '../usecases/settle-message';
import { startVideoSession } from '../usecases/start-video-session';
import { type UpdateTicketInput, updateTicket } from '../usecases/update-ticket';
import { videoSessionView } from '../usecases/video-session.query';
import { once } from './once';
import type { TicketHead } from './ticket.query';
import { Answer as AnswerBox, type Around, newsView, PartBox, ticketView } from './ticket.view';
import {
  type ComposerState,
  type Draft,
  draftOf,
  type Notice,
  newKey,
  type PaidChannel,
  type RefusedReply,
  reasonMistake,
  refusedReply,
  writtenPlainer,
} from './ticket-composer';
import { offersView } from './ticket-composer.view';
import {
  aroundOf,
  beforeOf,
  composerOf,
  couponIn,
  deskOf,
  markedList,
  newComposer,
  threadOf,
  ticketOf,
} from './ticket-desk';
import type { HeadNotice } from './ticket-head.view';
import { type PartName, type Seen, seenOf } from './ticket-live';
import { readPicture } from './ticket-sms.query';
import {
  readMessagesById,
  readNews,
  readStates,
  type ThreadItem,
  type ThreadMessage,
} from './ticket-thread.query';
import { MessageView, olderView } from './ticket-thread.view';
import { creditsText, ticketHref } from './ticket-words';

const HERE = '/console/tickets/:ref';
const NEWS_MAX = 100;
/** What a composer gives at once is what its message lacks. */
const GIVEN_MAX = 100;

type Params = Record<string, string>;

export function ticketPage(routes: PageRoutes, ctx: Context): void {
  const { get, post } = routes;

  get(HERE, 'read-only', async (page, params) => {
    const ticket = await ticketOf(ctx, page, params);
    // Elsewhere a ticket is known by its id; here stands what people call it.
    if (params.ref !== String(ticket.number)) {
      return seeOther(ticketHref(ticket.number) + page.here.slice(page.path.length));
    }
    const coupon = await couponIn(ctx, page, ticket);
    if (coupon === null) return ticketView(page, await deskOf(ctx, page, ticket));
    const draft = { ...(await newComposer(ctx, ticket)).draft, body: coupon };
    return ticketView(page, await deskOf(ctx, page, ticket, await composerOf(ctx, ticket, draft)));
  });

  /** Anything new? Nothing, mostly; else only that. */
  get(`${HERE}/live`, 'read-only', async (page, params) => {
    const ticket = await ticketOf(ctx, page, params);
    if (!page.isFragment) return seeOther(ticketHref(ticket.number));
    const seen = seenOf(page.query.getAll('seen'));
    const { mark } = await markedList(ctx, page, ticket);
    if (seen.parts.get('mark') === mark) return new Reply({ status: 204 });
    const around = await aroundOf(ctx, page, ticket);
    return withNews(ctx, page, around, seen, { status: 200, without: [] });
  });

  get(`${HERE}/older`, 'read-only', async (page, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const before = beforeOf(page);
    if (!page.isFragment || before === null) return seeOther(ticketHref(ticket.number));
    return olderView(page, ticket, await threadOf(ctx, ticket, before));
  });

  /** A picture that came with an SMS: as a download, whatever it says it is. */
  get(`${HERE}/pictures/:picture`, 'read-only', async (page, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const pictureId = params.picture ?? '';
    const found = isId(pictureId) ? await readPicture(ctx.db, { ticketId: ticket.id, pictureId }) : null;
    if (!found) throw new Refusal('not-found', 'There is no such picture.');
    const name = `${ticket.number}-${found.position + 1}.${found.type.replace('image/', '')}`;
    return new Reply({
      status: 200,
      headers: { 'Content-Disposition': `attachment; filename="${name}"` },
      picture: { type: found.type, bytes: found.bytes, seconds: limits.pictureShownSeconds },
    });
  });

  post(`${HERE}/quote`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const composer = await composerOf(ctx, ticket, draftOf(form));
    // Without a script it is asked for by a button, and the whole page comes back with the text in it.
    if (!page.isFragment) return answerComposer(ctx, page, form, ticket, composer, 200);
    return offersView(page, ticket, composer);
  });

  replies(routes, ctx);
  changes(routes, ctx);
  video(routes, ctx);
}

function replies({ post }: PageRoutes, ctx: Context): void {
  post(`${HERE}/messages`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const draft = draftOf(form);
    const { channel, body } = draft;
    const isFree = channel !== 'note' && form.text('free') === channel;
    const missing = isFree ? withoutReason(page, draft, channel) : null;
    if (missing) return refuseReply(ctx, page, form, ticket, missing);
    const subject = channel === 'email' ? draft.subject.trim() : '';
    const freeReason = isFree ? draft.reason[channel].trim() : undefined;
    try {
      const attachments = await attachmentsIn(ctx, draft);
      const files = attachments.map(({ filename, sha256 }) => [filename, sha256]);
      const asked = { channel, body, subject, freeReason, ...(files.length > 0 ? { files } : {}) };
      await once(ctx, page, { key: draft.key, asked }, async (trx) => {
        const { id } = await replyToTicketIn(trx, ctx, page.actor, {
          ticketId: ticket.id,
          channel,
          body,
          version: draft.version,
          attachments,
          ...(subject === '' ? {} : { subject }),
          ...(freeReason === undefined ? {} : { freeReason }),
        });
        return { id };
      });
    } catch (error) {
      return refuseReply(ctx, page, form, ticket, refusedReply(page, draft, error));
    }
    const now = await ticketOf(ctx, page, params);
    if (!page.isFragment) {
      const text = page.t(channel === 'note' ? 'composer.noted' : 'composer.sent');
      return seeOther(ticketHref(now.number), { flash: { tone: 'good', text } });
    }
    const next = await newComposer(ctx, now);
    return answerComposer(ctx, page, form, now, { ...next, draft: { ...next.draft, channel } }, 200);
  });

  /** The same words in signs and letters of which more fit into an SMS; what that saves stood on the button. */
  post(`${HERE}/plain`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const draft = draftOf(form);
    const plain = writtenPlainer(draft, form.text('plain'));
    return answerComposer(ctx, page, form, ticket, await composerOf(ctx, ticket, plain), 200);
  });

  /** What the message lacks, as goodwill; the text is kept, and can be sent then. */
  post(`${HERE}/goodwill`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const draft = draftOf(form);
    const [, meter, number] = /^(sms|email)\.(\d{1,3})$/.exec(form.text('give')) ?? [];
    const quantity = Number(number);
    if (meter === undefined || quantity < 1 || quantity > GIVEN_MAX) {
      throw new Refusal('invalid-request', 'There is no such amount to give.');
    }
    const channel = meter as PaidChannel;
    const missing = withoutReason(page, draft, channel);
    if (missing) return refuseReply(ctx, page, form, ticket, missing);
    const reason = draft.reason[channel].trim();
    try {
      await once(ctx, page, { key: draft.key, asked: { channel, quantity, reason } }, async (trx) => {
        const gift = { customerId: ticket.customer.id, meter: channel, quantity, reason };
        const { adjustmentId } = await adjustCreditsIn(trx, ctx, page.actor, { ...gift, kind: 'goodwill' });
        return { adjustmentId };
      });
    } catch (error) {
      return refuseReply(ctx, page, form, ticket, refusedReply(page, draft, error));
    }
    const amount = creditsText(page, [{ meter: channel, quantity }]);
    const notice: Notice = { tone: 'good', text: page.t('composer.given', { amount }) };
    const next: Draft = { ...draft, reason: { sms: '', email: '' }, key: newKey() };
    return answerComposer(ctx, page, form, ticket, await composerOf(ctx, ticket, next, { notice }), 200);
  });

  /** Somebody found out whether an uncertain message went out. */
  post(`${HERE}/messages/:message/outcome`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const messageId = params.message ?? '';
    const [message] = isId(messageId) ? await readMessagesById(ctx.db, ticket.id, [messageId]) : [];
    const sent = form.text('sent');
    if (!message) throw new Refusal('not-found', 'There is no such message.');
    if (sent !== 'yes' && sent !== 'no') throw new Refusal('invalid-request', 'Was it sent, or not?');
    let wasOpen = true;
    try {
      await settleUncertain(ctx, page.actor, { messageId, sent: sent === 'yes' });
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'invalid-transition') throw error;
      wasOpen = false;
    }
    if (!page.isFragment) {
      const text = page.t('ticket_thread.settled_already');
      return seeOther(ticketHref(ticket.number), wasOpen ? {} : { flash: { tone: 'low', text } });
    }
    const [now] = await readMessagesById(ctx.db, ticket.id, [messageId]);
    if (!now) throw new Refusal('not-found', 'There is no such message.');
    const main = MessageView({ page, ticket, message: now });
    const around = await aroundOf(ctx, page, ticket);
    return withNews(ctx, page, around, seenOf(form.all('seen')), { status: 200, main, known: now });
  });

  post(`${HERE}/follow-ups`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const { value } = await once(ctx, page, { key: form.text('key'), asked: ticket.id }, async (trx) => {
      const { number } = await openTicketForCustomerIn(trx, ctx, page.actor, {
        storeSlug: ticket.store.slug,
        customerId: ticket.customer.id,
        subject: ticket.subject,
        openedBy: 'agent',
        followUpOf: ticket.id,
      });
      return { number };
    });
    return seeOther(ticketHref(value.number));
  });
}

/** What was chosen to go along, safe before it is named. */
function attachmentsIn(ctx: Context, { files, isCutOff }: Draft): ReturnType<typeof planReplyFiles> {
  if (isCutOff) {
    const errors = [{ path: 'attachments', message: 'are too large' }];
    throw new Refusal('invalid-request', 'The attachments are too large.', { errors });
  }
  return planReplyFiles(
    ctx,
    files.map(({ name, type, content }) => ({ filename: name, declaredType: type, content })),
  );
}

const BY_HAND = ['open', 'pending', 'on_hold', 'solved', 'closed'] as const;

function changes({ post }: PageRoutes, ctx: Context): void {
  post(`${HERE}/status`, 'agent', async (page, form, params) => {
    const status = BY_HAND.find((one) => one === form.text('status'));
    if (!status) throw new Refusal('invalid-request', 'There is no such state.');
    return change(ctx, page, form, params, { status });
  });

  post(`${HERE}/assignee`, 'agent', async (page, form, params) => {
    const who = form.text('who');
    const typed = form.trimmed('assignee');
    const assignee = who === 'me' ? page.staff.name : who === 'nobody' || typed === '' ? null : typed;
    return change(ctx, page, form, params, { assignee });
  });

  post(`${HERE}/spam`, 'agent', async (page, form, params) =>
    change(ctx, page, form, params, { spam: true }),
  );
}

async function change(
  ctx: Context,
  page: StaffPage,
  form: Form,
  params: Params,
  wanted: Pick<UpdateTicketInput, 'status' | 'assignee' | 'spam'>,
): Promise<Answer> {
  const { id } = await ticketOf(ctx, page, params);
  const version = form.text('version');
  try {
    if (!/^\d{1,9}$/.test(version)) throw new Refusal('malformed-request', 'The form has no version.');
    await updateTicket(ctx, page.actor, { ticketId: id, version: Number(version), ...wanted });
  } catch (error) {
    const refused = headNotice(page, form, error);
    const ticket = await ticketOf(ctx, page, params);
    if (!page.isFragment) {
      const desk = { ...(await deskOf(ctx, page, ticket)), head: refused.notice };
      return new Reply({ status: refused.status, markup: ticketView(page, desk) });
    }
    return answerHead(ctx, page, form, ticket, refused.status, refused.notice);
  }
  const ticket = await ticketOf(ctx, page, params);
  // A closed ticket has no composer any more.
  if (!page.isFragment || ticket.status === 'closed') return seeOther(ticketHref(ticket.number));
  return answerHead(ctx, page, form, ticket, 200);
}

function headNotice({ t }: StaffPage, form: Form, error: unknown): { status: 409 | 422; notice: HeadNotice } {
  if (!(error instanceof Refusal)) throw error;
  switch (error.code) {
    case 'stale-ticket':
      return { status: 409, notice: { text: t('ticket.changed.stale'), mistakes: {} } };
    case 'invalid-transition':
      return { status: 409, notice: { text: t('ticket.changed.transition'), mistakes: {} } };
    case 'invalid-request': {
      const text = t('ticket.changed.assignee', { count: limits.nameChars });
      return { status: 422, notice: { text, mistakes: { assignee: text }, assignee: form.text('assignee') } };
    }
    default:
      throw error;
  }
}

function video({ post }: PageRoutes, ctx: Context): void {
  post(`${HERE}/video-sessions`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    try {
      await startVideoSession(ctx, page.actor, { ticketId: ticket.id });
    } catch (error) {
      // Closed in between: the page says so.
      if (!(error instanceof Refusal) || error.code !== 'ticket-closed') throw error;
      return seeOther(ticketHref(ticket.number));
    }
    const flash = { tone: 'good' as const, text: page.t('ticket_video.opened_flash') };
    if (!page.isFragment) return seeOther(ticketHref(ticket.number), { flash });
    return answerVideo(ctx, page, form, ticket);
  });

  post(`${HERE}/video-sessions/:session/end`, 'agent', async (page, form, params) => {
    const ticket = await ticketOf(ctx, page, params);
    const sessionId = params.session ?? '';
    const session = isId(sessionId) ? await videoSessionView(ctx, ctx.db, sessionId) : null;
    if (session?.ticketId !== ticket.id) throw new Refusal('not-found', 'There is no such video session.');
    await endVideoSession(ctx, page.actor, { sessionId });
    const flash = { tone: 'good' as const, text: page.t('ticket_video.ended_flash') };
    if (!page.isFragment) return seeOther(ticketHref(ticket.number), { flash });
    return answerVideo(ctx, page, form, ticket);
  });
}

/** Null: there is a reason. */
function withoutReason(page: StaffPage, draft: Draft, channel: PaidChannel): RefusedReply | null {
  const mistake = reasonMistake(page.t, draft.reason[channel]);
  if (mistake === '') return null;
  return {
    status: 422,
    draft,
    mistakes: { [`reason_${channel}`]: mistake },
    notice: { tone: 'bad', text: page.t('composer.refused.reason') },
  };
}

async function refuseReply(
  ctx: Context,
  page: StaffPage,
  form: Form,
  before: TicketHead,
  { status, draft, mistakes, notice }: RefusedReply,
): Promise<Answer> {
  const ticket = await ticketOf(ctx, page, { ref: String(before.number) });
  const composer = await composerOf(ctx, ticket, draft, { mistakes, notice });
  return answerComposer(ctx, page, form, ticket, composer, status);
}

async function answerComposer(
  ctx: Context,
  page: StaffPage,
  form: Form,
  ticket: TicketHead,
  composer: ComposerState,
  status: number,
): Promise<Answer> {
  if (!page.isFragment) {
    // A browser keeps what was chosen only in a page that stays.
    const gone: Mistakes = form.files.length > 0 ? { files: page.t('composer.files_again') } : {};
    const state = { ...composer, mistakes: { ...gone, ...composer.mistakes } };
    return new Reply({ status, markup: ticketView(page, await deskOf(ctx, page, ticket, state)) });
  }
  const around = await aroundOf(ctx, page, ticket);
  const main = AnswerBox({ page, desk: { ticket, composer } });
  return withNews(ctx, page, around, seenOf(form.all('seen')), { status, main, without: ['turn'] });
}

async function answerHead(
  ctx: Context,
  page: StaffPage,
  form: Form,
  ticket: TicketHead,
  status: number,
  head?: HeadNotice,
): Promise<Answer> {
  const around = await aroundOf(ctx, page, ticket);
  const main = PartBox({ page, name: 'head', desk: head ? { ...around, head } : around });
  return withNews(ctx, page, around, seenOf(form.all('seen')), { status, main, without: ['head'] });
}

async function answerVideo(ctx: Context, page: StaffPage, form: Form, ticket: TicketHead): Promise<Answer> {
  const around = await aroundOf(ctx, page, ticket);
  const main = PartBox({ page, name: 'video', desk: around });
  return withNews(ctx, page, around, seenOf(form.all('seen')), { status: 200, main, without: ['video'] });
}

/** A message as it is now, in the place of the one that stood there: gone, where it was split off. */
export async function answerMessage(
  ctx: Context,
  page: StaffPage,
  form: Form,
  before: TicketHead,
  messageId: string,
): Promise<Answer> {
  const ticket = await ticketOf(ctx, page, { ref: String(before.number) });
  const [known] = await readMessagesById(ctx.db, ticket.id, [messageId]);
  const around = await aroundOf(ctx, page, ticket);
  const main = known ? MessageView({ page, ticket, message: known }) : '';
  return withNews(ctx, page, around, seenOf(form.all('seen')), {
    status: 200,
    main,
    ...(known ? { known } : {}),
  });
}

/** What was asked for, and with it everything else that this browser does not have yet. */
async function withNews(
  ctx: Context,
  page: StaffPage,
  around: Around,
  seen: Seen,
  answer: {
    status: number;
    main?: JSX.Element;
    without?: (PartName | 'turn')[];
    /** Stands in the answer as it is now. */
    known?: ThreadMessage;
  },
): Promise<Answer> {
  const { main = '', known } = answer;
  const items: ThreadItem[] = [];
  const changed: ThreadMessage[] = [];
  if (seen.thread) {
    const { after, known: ids, states } = seen.thread;
    if (known) states.set(known.id, known.status);
    items.push(
      ...(await readNews(ctx.db, { ticketId: around.ticket.id, after, known: ids, limit: NEWS_MAX })),
    );
    const now = await readStates(ctx.db, around.ticket.id, [...states.keys()]);
    const moved = [...states]
      .filter(([id, status]) => now.get(id) !== status && now.has(id))
      .map(([id]) => id);
    changed.push(...(await readMessagesById(ctx.db, around.ticket.id, moved)));
  }
  const { markup, creditsChanged } = newsView(page, around, { seen, items, changed }, answer.without);
  return new Reply({
    status: answer.status,
    markup: `${String(main)}${String(markup)}`,
    // The quote in the composer is as old as the counters.
    ...(creditsChanged ? { headers: { 'HX-Trigger': 'z-credits' } } : {}),
  });
}
