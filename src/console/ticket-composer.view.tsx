import { limits } from '../platform/limits';
import { CopyField } from '../ui/copy';
import { Field, PostForm } from '../ui/field';
import { Icon } from '../ui/icons';
import type { StaffPage } from '../ui/page';
import { Banner, Button } from '../ui/parts';
import type { TicketHead } from './ticket.query';
import {
  CHANNELS,
  type Channel,
  type ComposerState,
  type Notice,
  type Offer,
  REPLY_MEGABYTES,
} from './ticket-composer';
import { creditsText, partAttrs, ticketHref } from './ticket-words';

/** Writes an answer. What is not for the chosen channel is hidden by style, so choosing needs no script. */
export function Composer({
  page,
  ticket,
  state,
}: {
  page: StaffPage;
  ticket: TicketHead;
  state: ComposerState;
}): JSX.Element {
  const { t } = page;
  const { draft, mistakes, notice } = state;
  const action = `${ticketHref(ticket.number)}/messages`;
  return (
    <PostForm
      page={page}
      action={action}
      id="z-composer"
      class="z-composer"
      attrs={{
        ...partAttrs(action, '#z-composer'),
        enctype: 'multipart/form-data',
        'aria-label': t('composer.name'),
      }}
    >
      {/* What the Enter key in a field presses: the first button of the form. */}
      <button type="submit" class="visually-hidden" tabindex="-1" safe>
        {t('composer.name')}
      </button>
      <input type="hidden" name="key" value={draft.key} />
      <TurnField version={draft.version} newestId={draft.newestId} />
      {notice ? <NoticeBox notice={notice} /> : null}
      <div class="z-composer-top">
        <fieldset class="z-channels">
          <legend class="visually-hidden" safe>
            {t('composer.channel')}
          </legend>
          {CHANNELS.map((channel) => (
            <ChannelTab page={page} channel={channel} isOn={channel === draft.channel} />
          ))}
        </fieldset>
        <To page={page} offer={state.offers.sms} mistake={mistakes.to} />
        <To
          page={page}
          offer={state.offers.email}
          mistake={mistakes.to}
          comesBack={ticket.customer.stoppedMail !== null}
        />
        <p class="z-to z-for-note" safe>
          {t('composer.to_colleagues')}
        </p>
      </div>
      <div class="z-for-email z-composer-subject">
        <Field
          name="subject"
          id="z-subject"
          label={t('composer.subject')}
          value={draft.subject}
          mistakes={mistakes}
          autocomplete="off"
        />
      </div>
      <BodyField page={page} body={draft.body} mistake={mistakes.body} />
      {state.offers.email.to === null ? null : (
        <FilesField page={page} filesKey={draft.filesKey} mistake={mistakes.files} />
      )}
      <div
        id="z-offers"
        class="z-offers"
        hx-post={`${ticketHref(ticket.number)}/quote`}
        hx-trigger="input changed delay:250ms from:#z-body, z-credits from:body"
        hx-include="#z-composer"
        hx-params="not files"
        hx-target="this"
        hx-swap="innerHTML"
        hx-sync="this:replace"
      >
        {offersView(page, ticket, state)}
      </div>
    </PostForm>
  );
}

/** What the writer has seen: the answer is refused when there is more. */
export function TurnField({
  version,
  newestId,
  oob = false,
}: {
  version: number;
  newestId: string;
  oob?: boolean;
}): JSX.Element {
  return (
    <input
      type="hidden"
      id="z-turn"
      name="turn"
      value={`${version}.${newestId}`}
      hx-swap-oob={oob ? 'true' : undefined}
    />
  );
}

function NoticeBox({ notice }: { notice: Notice }): JSX.Element {
  const { newer } = notice;
  return (
    <Banner tone={notice.tone} text={notice.text}>
      {newer ? (
        <blockquote class="z-newer">
          <p class="z-newer-head">
            <bdi safe>{newer.head}</bdi>
          </p>
          <div class="z-msg-body" dir="auto" safe>
            {newer.body}
          </div>
        </blockquote>
      ) : null}
    </Banner>
  );
}

const CHANNEL_ICON = { sms: 'sms', email: 'email', note: 'note' } as const;

function ChannelTab({
  page,
  channel,
  isOn,
}: {
  page: StaffPage;
  channel: Channel;
  isOn: boolean;
}): JSX.Element {
  return (
    <label class="z-channel">
      <input type="radio" name="channel" id={`z-channel-${channel}`} value={channel} checked={isOn} />
      <Icon name={CHANNEL_ICON[channel]} />
      <span safe>{page.t(`composer.${channel}`)}</span>
    </label>
  );
}

function To({
  page,
  offer,
  mistake,
  comesBack = false,
}: {
  page: StaffPage;
  offer: Offer;
  mistake?: string;
  /** Nothing goes there until somebody says that it may. */
  comesBack?: boolean;
}): JSX.Element {
  const { t } = page;
  const { channel, to } = offer;
  if (to === null) {
    const words = mistake ?? t(channel === 'sms' ? 'composer.to_nobody_sms' : 'composer.to_nobody_email');
    return (
      <p class={`z-to z-to-nobody z-for-${channel}`}>
        <Icon name="warning" />
        <span safe>{words}</span>
      </p>
    );
  }
  return (
    <p class={`z-to z-for-${channel}`}>
      <span safe>{t('composer.to')}</span>{' '}
      <bdi>
        <strong safe>{to}</strong>
      </bdi>
      {comesBack ? (
        <>
          {' · '}
          <span class="z-to-nobody" safe>
            {t('composer.comes_back')}
          </span>
        </>
      ) : null}
    </p>
  );
}

function BodyField({
  page,
  body,
  mistake,
}: {
  page: StaffPage;
  body: string;
  mistake?: string;
}): JSX.Element {
  const { t } = page;
  return (
    <div class="z-composer-body">
      <textarea
        id="z-body"
        name="body"
        class={mistake === undefined ? 'form-control' : 'form-control is-invalid'}
        rows="3"
        dir="auto"
        aria-label={t('composer.body')}
        placeholder={t('composer.body_hint')}
        aria-describedby={mistake === undefined ? undefined : 'z-body-mistake'}
        aria-invalid={mistake === undefined ? undefined : 'true'}
        autofocus={mistake !== undefined}
        safe
      >
        {`\n${body}`}
      </textarea>
      {mistake === undefined ? null : <Mistake id="z-body-mistake" text={mistake} />}
    </div>
  );
}

/** Kept by htmx as it is, with what was chosen in it, until the answer is sent. */
function FilesField({
  page,
  filesKey,
  mistake,
}: {
  page: StaffPage;
  filesKey: string;
  mistake?: string;
}): JSX.Element {
  const { t } = page;
  const id = `z-files-${filesKey}`;
  const described = mistake === undefined ? 'z-files-help' : 'z-files-mistake z-files-help';
  return (
    <div class="z-for-email z-composer-files">
      <input type="hidden" name="files_key" value={filesKey} />
      <label for={id}>
        <Icon name="clip" />
        <span safe>{t('composer.files')}</span>
      </label>
      <input type="file" id={id} name="files" multiple aria-describedby={described} hx-preserve="true" />
      <small id="z-files-help" safe>
        {t('composer.files_help', { count: limits.replyFiles, megabytes: REPLY_MEGABYTES })}
      </small>
      {mistake === undefined ? null : <Mistake id="z-files-mistake" text={mistake} />}
    </div>
  );
}

function Mistake({ id, text }: { id: string; text: string }): JSX.Element {
  return (
    <p class="z-mistake" id={id}>
      <Icon name="bad" />
      <span safe>{text}</span>
    </p>
  );
}

/** What each channel would take, and the button that says so. */
export function offersView(page: StaffPage, ticket: TicketHead, state: ComposerState): JSX.Element {
  const { t } = page;
  return (
    <>
      {/* It is counted while one types; where no script runs, a button counts it. */}
      <noscript>
        <p class="z-for-sms">
          <Button action={`${ticketHref(ticket.number)}/quote`} text={t('composer.count')} />
        </p>
      </noscript>
      <OfferView page={page} ticket={ticket} state={state} offer={state.offers.sms} />
      <OfferView page={page} ticket={ticket} state={state} offer={state.offers.email} />
      <div class="z-offer z-for-note">
        <p class="z-uses" safe>
          {t('composer.note_free')}
        </p>
        <Button look="primary" icon="note" text={t('composer.add_note')} />
      </div>
    </>
  );
}

interface OfferProps {
  page: StaffPage;
  ticket: TicketHead;
  state: ComposerState;
  offer: Offer;
}

function OfferView({ page, ticket, state, offer }: OfferProps): JSX.Element {
  const { t } = page;
  const { channel, quote } = offer;
  if (offer.to === null) {
    return (
      <div class={`z-offer z-for-${channel}`}>
        <p class="z-uses" safe>
          {t(channel === 'sms' ? 'composer.no_sms' : 'composer.no_email')}
        </p>
      </div>
    );
  }
  if (offer.optedOut) {
    return (
      <div class={`z-offer z-for-${channel}`}>
        <p class="z-uses" safe>
          {t('composer.opted_out')}
        </p>
      </div>
    );
  }
  if (offer.partsMax !== null) {
    return (
      <div class={`z-offer z-for-${channel}`}>
        <Mistake id="z-too-long" text={t('composer.too_long', { count: offer.partsMax })} />
      </div>
    );
  }
  if (!quote?.charge) return '';
  if (!quote.payable) return <NoCredits page={page} ticket={ticket} state={state} offer={offer} />;
  const { charge, creditsAfter, sms } = quote;
  const drawn = [...new Set(charge.grants.map(({ meter }) => meter))];
  const uses = drawn.map((meter) => {
    const quantity = charge.grants
      .filter((draw) => draw.meter === meter)
      .reduce((sum, draw) => sum + draw.credits, 0);
    return t('composer.uses', {
      amount: creditsText(page, [{ meter, quantity }]),
      left: creditsAfter[meter],
    });
  });
  const parts =
    sms && state.draft.body.trim() !== ''
      ? [
          sms.encoding,
          t('composer.parts', { count: sms.segments }),
          t('composer.room', { count: sms.unitsLeft }),
        ]
      : [];
  return (
    <div class={`z-offer z-for-${channel}`}>
      <p class="z-uses">
        <strong role="status" safe>
          {uses.join(' + ')}
        </strong>
        {parts.length > 0 ? <span safe>{parts.join(' · ')}</span> : null}
      </p>
      <div class="z-buttons">
        <Plainer page={page} ticket={ticket} state={state} offer={offer} />
        <Button look="primary" icon="send" text={t(`composer.send_${channel}`, { count: charge.credits })} />
      </div>
    </div>
  );
}

/** One č, š or ž, or one typographic quote, makes every part of an SMS less than half as long. */
function Plainer({ page, ticket, state, offer }: OfferProps): JSX.Element {
  const { t } = page;
  const { signs, letters } = offer.plainer;
  const now = offer.quote?.sms?.segments ?? 0;
  const action = `${ticketHref(ticket.number)}/plain`;
  const words = /[čšžćđ]/iu.test(state.draft.body) ? 'composer.plain_csz' : 'composer.plain';
  return (
    <>
      {signs === null ? null : (
        <Button
          action={action}
          name="plain"
          value="signs"
          text={t('composer.plain_signs', { count: signs, now })}
        />
      )}
      {letters === null ? null : (
        <Button action={action} name="plain" value="letters" text={t(words, { count: letters, now })} />
      )}
    </>
  );
}

/** Nothing greyed out: what can be done about it. */
function NoCredits({ page, ticket, state, offer }: OfferProps): JSX.Element {
  const { t } = page;
  const { channel, quote } = offer;
  const { missing = 0, available = 0, topUpUrl = null } = quote ?? {};
  return (
    <div class={`z-offer z-offer-none z-for-${channel}`}>
      <p class="z-mistake">
        <Icon name="bad" />
        <span role="status" safe>
          {t(`composer.none.${channel}`, { needed: available + missing, available })}
        </span>
      </p>
      <Field
        name={`reason_${channel}`}
        id={`z-reason-${channel}`}
        label={t('composer.reason')}
        help={t('composer.reason_help')}
        value={state.draft.reason[channel]}
        mistakes={state.mistakes}
        autocomplete="off"
      />
      <div class="z-buttons">
        <Plainer page={page} ticket={ticket} state={state} offer={offer} />
        <Button icon="send" name="free" value={channel} text={t(`composer.send_free.${channel}`)} />
        <Button
          icon="gift"
          name="give"
          value={`${channel}.${missing}`}
          action={`${ticketHref(ticket.number)}/goodwill`}
          text={t(`composer.give.${channel}`, { count: missing })}
        />
      </div>
      {topUpUrl === null ? (
        <p class="form-hint" safe>
          {t('composer.no_top_up')}
        </p>
      ) : (
        <CopyField page={page} id={`z-top-up-${channel}`} label={t('composer.top_up')} value={topUpUrl} />
      )}
    </div>
  );
}

/** In the place of the composer, once a ticket is closed. */
export function ClosedBox({
  page,
  ticket,
  keyOfForm,
  kept,
  mayWrite,
  notice,
}: {
  page: StaffPage;
  ticket: TicketHead;
  keyOfForm: string;
  /** What somebody had written when it was closed. */
  kept: string;
  mayWrite: boolean;
  notice: Notice | null;
}): JSX.Element {
  const { t } = page;
  return (
    <div class="z-composer z-composer-closed" id="z-composer">
      {notice ? <NoticeBox notice={notice} /> : null}
      <p>
        <strong safe>{t('composer.closed')}</strong> <span safe>{t('composer.closed_words')}</span>
      </p>
      {kept === '' ? null : (
        <textarea class="form-control" rows="4" dir="auto" readonly aria-label={t('composer.your_text')} safe>
          {`\n${kept}`}
        </textarea>
      )}
      {mayWrite ? (
        <PostForm page={page} action={`${ticketHref(ticket.number)}/follow-ups`}>
          <input type="hidden" name="key" value={keyOfForm} />
          <Button look="primary" icon="plus" text={t('composer.follow_up')} />
        </PostForm>
      ) : null}
    </div>
  );
}
