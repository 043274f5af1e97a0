import { METERS } from '../domain/credits';
import { Bar, Counters } from '../ui/counter';
import { Choice, Field, MistakesBanner, PostForm, Select, TextArea } from '../ui/field';
import { Icon } from '../ui/icons';
import { mayAct, type StaffPage } from '../ui/page';
import { Badge, Banner, Button, ButtonLink, Empty, PageHeader, Section } from '../ui/parts';
import { Sentence } from '../ui/sentence';
import { Shell } from '../ui/shell';
import { Table } from '../ui/table';
import { Day, dayText, Time } from '../ui/time';
import type { AdjustForm } from './adjust';
import { countsOf, customerHref, statementHref } from './counts';
import type { CustomerDetails, CustomerHead, GrantStory } from './customer.query';
import { MailStopped } from './mail-stopped';
import { Fact, OrderTable, orderHref } from './order-parts';
import { TicketSigns, ticketHref } from './ticket-words';
import { amount, nameOf, nameOfCode, orderStatus } from './words';

const ADJUST = 'adjust';

export function customerView(page: StaffPage, details: CustomerDetails, form: AdjustForm): JSX.Element {
  const { t } = page;
  const { customer, meters } = details;
  const name = nameOf(page, customer);
  const mayGive = mayAct(page.staff.role, 'agent');
  return (
    <Shell page={page} title={name}>
      <PageHeader title={name} back={{ href: '/console/customers', text: t('customer.back') }}>
        {meters.length > 0 ? (
          <ButtonLink href={statementHref(customer.id, null)} icon="receipt" text={t('customer.all_why')} />
        ) : null}
        {mayGive ? (
          <ButtonLink href={`#${ADJUST}`} look="primary" icon="plus" text={t('customer.give')} />
        ) : null}
      </PageHeader>
      <MailStopped page={page} customer={customer} back={customerHref(customer.id)} />
      <Short page={page} grants={details.grants} />
      {meters.length > 0 ? (
        <Counters page={page} size="page" counts={countsOf(customer.id, meters)} />
      ) : (
        <div class="card z-section">
          <Empty icon="any" title={t('customer.no_credits')} text={t('customer.no_credits_text')} />
        </div>
      )}
      <div class="z-beside">
        <div>
          {details.grants.length > 0 ? (
            <Section title={t('customer.grants')} lead={t('customer.grants_lead')}>
              <Grants page={page} grants={details.grants} />
            </Section>
          ) : null}
          <Orders page={page} details={details} />
          <Tickets page={page} details={details} />
        </div>
        <div>
          <Section title={t('customer.details')}>
            <Details page={page} customer={customer} />
          </Section>
          {mayGive ? <div id={ADJUST}>{adjustPartView(page, details, form)}</div> : null}
        </div>
      </div>
    </Shell>
  );
}

/** What orders took back after it was used: said plainly, order by order. */
function Short({ page, grants }: { page: StaffPage; grants: GrantStory[] }): JSX.Element {
  const { t } = page;
  const short = grants.filter((grant) => grant.shortfall > 0);
  if (short.length === 0) return '';
  return (
    <Banner tone="bad" text={t('customer.shortfall')}>
      <ul class="z-plain z-short">
        {short.map((grant) => (
          <li>
            <Sentence
              page={page}
              text="customer.shortfall_order"
              values={{
                what: amount(page, grant.meter, grant.shortfall),
                status: orderStatus(page, grant.order?.status ?? ''),
              }}
              parts={{ order: <OrderLink order={grant.order} /> }}
            />
          </li>
        ))}
      </ul>
      <p class="z-dim" safe>
        {t('customer.shortfall_text')}
      </p>
    </Banner>
  );
}

function OrderLink({ order }: { order: { id: string; number: string } | null }): JSX.Element {
  if (order === null) return '–';
  return <a href={orderHref(order.id)} safe>{`#${order.number}`}</a>;
}

function Grants({ page, grants }: { page: StaffPage; grants: GrantStory[] }): JSX.Element {
  const { t } = page;
  const isPast = (grant: GrantStory) => grant.left === 0 && grant.onHold === 0;
  const past = grants.filter(isPast);
  const live = grants.filter((grant) => !isPast(grant));
  return (
    <>
      <GrantList page={page} grants={live} />
      {past.length > 0 ? (
        // With nothing left at all, what is past is all there is to read.
        <details class="z-fold" open={live.length === 0}>
          <summary safe>{t('customer.grants_past', { count: past.length })}</summary>
          <GrantList page={page} grants={past} />
        </details>
      ) : null}
    </>
  );
}

function GrantList({ page, grants }: { page: StaffPage; grants: GrantStory[] }): JSX.Element {
  if (grants.length === 0) return '';
  return (
    <ul class="z-grants">
      {grants.map((grant) => (
        <li>
          <Grant page={page} grant={grant} />
        </li>
      ))}
    </ul>
  );
}

/** "10 SMS bought 3 Mar, order #1193, 4 left, expires 31 Mar" */
function Grant({ page, grant }: { page: StaffPage; grant: GrantStory }): JSX.Element {
  const { t, locale } = page;
  const { left, onHold } = grant;
  // Of what is used up or taken back, the date says nothing any more.
  const lastInstant = left + onHold + grant.expired > 0 ? grant.lastInstant : null;
  const count = { left, onHold, of: left + onHold + grant.used };
  return (
    <>
      <Icon name={grant.meter} />
      <div class="z-grant-words">
        <p>
          <GrantCause page={page} grant={grant} />
          {', '}
          {left > 0 ? (
            <strong safe>{t('customer.grant_left', { number: left.toLocaleString(locale) })}</strong>
          ) : (
            <strong safe>{t('customer.grant_none_left')}</strong>
          )}
          {lastInstant === null ? null : (
            <>
              {', '}
              <Sentence
                page={page}
                text={grant.isOver ? 'customer.expired_on' : 'customer.expires'}
                parts={{ date: <Day page={page} at={lastInstant} /> }}
              />
            </>
          )}
        </p>
        <GrantNotes page={page} grant={grant} />
      </div>
      {count.of > 0 ? <Bar count={count} class={left > 0 ? 'z-level-enough' : 'z-level-none'} /> : null}
    </>
  );
}

function GrantCause({ page, grant }: { page: StaffPage; grant: GrantStory }): JSX.Element {
  const values = { what: amount(page, grant.meter, grant.granted) };
  const date = <Day page={page} at={grant.at} />;
  if (grant.cause === 'order') {
    const order = <OrderLink order={grant.order} />;
    return <Sentence page={page} text="customer.bought" values={values} parts={{ date, order }} />;
  }
  const text = grant.cause === 'goodwill' ? 'customer.given' : 'customer.corrected';
  return <Sentence page={page} text={text} values={values} parts={{ date }} />;
}

function GrantNotes({ page, grant }: { page: StaffPage; grant: GrantStory }): JSX.Element {
  const { t, locale } = page;
  const number = (n: number) => ({ number: n.toLocaleString(locale) });
  const notes: string[] = [];
  if (grant.package !== null) notes.push(grant.package);
  if (grant.reason !== null) notes.push(t('statement.quote', { reason: grant.reason }));
  if (grant.by !== null) notes.push(t('customer.by', { name: grant.by }));
  if (grant.used > 0) notes.push(t('customer.used', number(grant.used)));
  if (grant.onHold > 0) notes.push(t('customer.on_hold', number(grant.onHold)));
  if (grant.expired > 0) notes.push(t('customer.expired', number(grant.expired)));
  if (grant.takenBack > 0) notes.push(t('customer.taken_back', number(grant.takenBack)));
  if (grant.takenAway > 0) notes.push(t('customer.taken_away', number(grant.takenAway)));
  const { ticket } = grant;
  if (notes.length === 0 && ticket === null && grant.shortfall === 0) return '';
  return (
    <p class="z-dim z-dots">
      {notes.map((note) => (
        <bdi safe>{note}</bdi>
      ))}
      {ticket === null ? null : (
        <span>
          <Sentence
            page={page}
            text="customer.only_ticket"
            parts={{ ticket: <a href={ticketHref(ticket.number)} safe>{`#${ticket.number}`}</a> }}
          />
        </span>
      )}
      {grant.shortfall > 0 ? (
        <Badge tone="bad" icon="warning" text={t('customer.is_short', number(grant.shortfall))} />
      ) : null}
    </p>
  );
}

function Details({ page, customer }: { page: StaffPage; customer: CustomerHead }): JSX.Element {
  const { t } = page;
  const { email, country } = customer;
  return (
    <dl class="z-list">
      <Fact label={t('customer.email')}>
        {email === null ? (
          <Unknown page={page} />
        ) : (
          <a href={`mailto:${encodeURIComponent(email)}`} safe>
            {email}
          </a>
        )}
      </Fact>
      <Fact label={t('customer.phone')}>
        <Phone page={page} customer={customer} />
      </Fact>
      <Fact label={t('customer.language')}>
        <span safe>{nameOfCode(page, 'language', customer.language)}</span>
      </Fact>
      {country === null ? null : (
        <Fact label={t('customer.country')}>
          <span safe>{nameOfCode(page, 'region', country)}</span>
        </Fact>
      )}
      <Fact label={t('customer.store')}>
        <bdi safe>{customer.store}</bdi>
      </Fact>
      <Fact label={t('customer.account')}>
        <span safe>{t(customer.hasAccount ? 'customer.has_account' : 'customer.guest')}</span>
      </Fact>
      {customer.noticesStoppedAt === null ? null : (
        <Fact label={t('customer.notices')}>
          <span safe>
            {t('customer.notices_stopped', { date: dayText(page, customer.noticesStoppedAt) })}
          </span>
        </Fact>
      )}
      <Fact label={t('customer.since')}>
        <Day page={page} at={customer.since} />
      </Fact>
    </dl>
  );
}

function Phone({ page, customer }: { page: StaffPage; customer: CustomerHead }): JSX.Element {
  const { phone, phoneE164 } = customer;
  if (phoneE164 !== null) {
    return (
      <a href={`tel:${phoneE164}`} safe>
        {phoneE164}
      </a>
    );
  }
  return phone === null ? <Unknown page={page} /> : <bdi safe>{phone}</bdi>;
}

function Unknown({ page }: { page: StaffPage }): JSX.Element {
  return (
    <span class="z-dim" safe>
      {page.t('customer.unknown')}
    </span>
  );
}

function Orders({ page, details }: { page: StaffPage; details: CustomerDetails }): JSX.Element {
  const { t } = page;
  const { rows, total } = details.orders;
  return (
    <section class="z-part" aria-labelledby="orders">
      <h2 id="orders" safe>
        {t('customer.orders')}
      </h2>
      {rows.length === 0 ? (
        <p class="z-dim" safe>
          {t('customer.no_orders')}
        </p>
      ) : (
        <OrderTable page={page} rows={rows} caption={t('customer.orders')} ofOne />
      )}
      {total === undefined || total > rows.length ? (
        <p class="z-part-more">
          <a href={`/console/orders?customer=${details.customer.id}`} safe>
            {t('customer.orders_all')}
          </a>
        </p>
      ) : null}
    </section>
  );
}

function Tickets({ page, details }: { page: StaffPage; details: CustomerDetails }): JSX.Element {
  const { t } = page;
  return (
    <section class="z-part" aria-labelledby="tickets">
      <h2 id="tickets" safe>
        {t('customer.tickets')}
      </h2>
      {details.tickets.length === 0 ? (
        <p class="z-dim" safe>
          {t('customer.no_tickets')}
        </p>
      ) : (
        <Table
          caption={t('customer.tickets')}
          columns={[
            { label: t('customer.ticket') },
            { label: t('customer.state') },
            { label: t('customer.last_word'), align: 'end' },
          ]}
          rows={details.tickets.map((ticket) => ({
            href: ticketHref(ticket.number),
            mark: `#${ticket.number}`,
            label: ticket.subject,
            cells: [
              <TicketSigns page={page} ticket={ticket} />,
              <Time page={page} at={ticket.lastMessageAt} />,
            ],
          }))}
        />
      )}
    </section>
  );
}

/** The form, or the question whether it is meant; htmx swaps this part alone. */
export function adjustPartView(page: StaffPage, details: CustomerDetails, form: AdjustForm): JSX.Element {
  const { t } = page;
  const isAdmin = mayAct(page.staff.role, 'admin');
  return (
    <Section
      title={t(isAdmin ? 'adjust.title' : 'adjust.title_give')}
      lead={t(isAdmin ? 'adjust.lead' : 'adjust.lead_give')}
    >
      {form.asked ? (
        <Question page={page} customer={details.customer} form={form} asked={form.asked} />
      ) : (
        <Fields page={page} details={details} form={form} isAdmin={isAdmin} />
      )}
    </Section>
  );
}

function postAttributes(action: string): Record<string, string> {
  return { 'hx-post': action, 'hx-target': `#${ADJUST}`, 'hx-disabled-elt': 'find button' };
}

function actionOf(customer: CustomerHead): string {
  return `${customerHref(customer.id)}/adjustments`;
}

function Fields({
  page,
  details,
  form,
  isAdmin,
}: {
  page: StaffPage;
  details: CustomerDetails;
  form: AdjustForm;
  isAdmin: boolean;
}): JSX.Element {
  const { t } = page;
  const { typed, mistakes } = form;
  const action = actionOf(details.customer);
  return (
    <PostForm page={page} action={action} attrs={postAttributes(action)}>
      <input type="hidden" name="key" value={form.key} />
      {form.problem ? <Banner tone="low" text={form.problem} /> : null}
      <MistakesBanner page={page} mistakes={mistakes} />
      {isAdmin ? (
        <Choice
          name="kind"
          label={t('adjust.kind')}
          value={typed.kind || 'goodwill'}
          mistakes={mistakes}
          options={[
            { value: 'goodwill', text: t('adjust.goodwill'), help: t('adjust.goodwill_help') },
            { value: 'correction', text: t('adjust.correction'), help: t('adjust.correction_help') },
          ]}
        />
      ) : (
        <input type="hidden" name="kind" value="goodwill" />
      )}
      <div class="z-pair">
        <Field
          name="quantity"
          label={t('adjust.quantity')}
          {...(isAdmin ? { help: t('adjust.quantity_help') } : { inputmode: 'numeric' as const })}
          value={typed.quantity}
          mistakes={mistakes}
          autocomplete="off"
          maxlength={20}
          required
        />
        <Select
          name="meter"
          label={t('adjust.meter')}
          value={typed.meter || details.meters[0]?.meter || 'sms'}
          mistakes={mistakes}
          options={METERS.map((meter) => ({ value: meter, text: t(`meters.${meter}`) }))}
        />
      </div>
      <TextArea
        name="reason"
        label={t('adjust.reason')}
        help={t('adjust.reason_help')}
        value={typed.reason}
        mistakes={mistakes}
        rows={2}
        required
      />
      <div class="z-form-end">
        <Button look="primary" text={t('adjust.submit')} />
      </div>
    </PostForm>
  );
}

function Question({
  page,
  customer,
  form,
  asked,
}: {
  page: StaffPage;
  customer: CustomerHead;
  form: AdjustForm;
  asked: NonNullable<AdjustForm['asked']>;
}): JSX.Element {
  const { t, locale } = page;
  const { meter, quantity, kind, now } = asked;
  const what = amount(page, meter, Math.abs(quantity));
  const name = nameOf(page, customer);
  const takes = quantity < 0;
  const question = takes ? 'confirm_take' : kind === 'goodwill' ? 'confirm_goodwill' : 'confirm_add';
  const deed = takes ? 'do_take' : kind === 'goodwill' ? 'do_give' : 'do_add';
  const action = actionOf(customer);
  const number = (n: number) => n.toLocaleString(locale);
  return (
    <PostForm page={page} action={action} attrs={postAttributes(action)}>
      <input type="hidden" name="key" value={form.key} />
      <input type="hidden" name="kind" value={kind} />
      <input type="hidden" name="meter" value={meter} />
      <input type="hidden" name="quantity" value={String(quantity)} />
      <input type="hidden" name="reason" value={asked.reason} />
      <p class="z-question" safe>
        {t(`adjust.${question}`, { name, what })}
      </p>
      <p safe>
        {t('adjust.now_then', {
          meter: t(`meters.${meter}`),
          now: number(now),
          after: number(now + quantity),
        })}
      </p>
      <p class="z-dim" safe>
        {t('adjust.because', { reason: asked.reason })}
      </p>
      <div class="z-form-end">
        <button
          type="submit"
          name="step"
          value="do"
          class={takes ? 'btn z-btn-danger' : 'btn btn-primary'}
          autofocus
        >
          <span safe>{t(`adjust.${deed}`, { what })}</span>
        </button>
        <Button look="quiet" name="step" value="back" text={t('adjust.cancel')} />
      </div>
    </PostForm>
  );
}
