import { largestAmountMinor } from '../domain/coupons';
import { limits } from '../platform/limits';
import { Choice, Field, MistakesBanner, PostForm } from '../ui/field';
import type { StaffPage } from '../ui/page';
import { Badge, Banner, Button, ButtonLink, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import { couponValue } from '../usecases/write-to-shops';
import type { GivenCoupon } from './coupon.query';
import type { CouponForm } from './coupon-form';
import type { TicketHead } from './ticket.query';
import { ticketHref } from './ticket-words';
import { nameOf } from './words';

export function couponView(
  page: StaffPage,
  ticket: TicketHead,
  shop: { currency: string | null; hasKeys: boolean },
  given: GivenCoupon[],
  form: CouponForm,
): JSX.Element {
  const { t } = page;
  const title = t('coupon.title', { name: nameOf(page, ticket.customer) });
  const back = ticketHref(ticket.number);
  return (
    <Shell page={page} title={title}>
      <div class="z-narrow">
        <PageHeader
          title={title}
          lead={t('coupon.lead', { days: limits.couponDays })}
          back={{ href: back, text: `#${ticket.number} ${ticket.subject}` }}
        />
        {shop.hasKeys ? (
          <Give page={page} action={`${back}/coupon`} back={back} currency={shop.currency} form={form} />
        ) : (
          <Banner tone="low" text={t('coupon.no_keys')} />
        )}
        {given.length > 0 ? (
          <Section title={t('coupon.before')}>
            <ul class="z-checks">
              {given.map((coupon) => (
                <li class="z-check-line">
                  <div>
                    <strong safe>{`${coupon.code} · ${couponValue(coupon)}`}</strong>
                    <p class="z-row-note">
                      <bdi safe>{coupon.givenByName}</bdi> · <Time page={page} at={coupon.createdAt} />
                    </p>
                    {coupon.state === 'parked' && coupon.problem ? <p safe>{coupon.problem}</p> : null}
                  </div>
                  <StateBadge page={page} coupon={coupon} />
                </li>
              ))}
            </ul>
          </Section>
        ) : null}
      </div>
    </Shell>
  );
}

function StateBadge({ page, coupon }: { page: StaffPage; coupon: GivenCoupon }): JSX.Element {
  const { t } = page;
  if (coupon.state === 'made') return <Badge tone="good" icon="good" text={t('coupon.state.made')} />;
  if (coupon.state === 'waiting') return <Badge tone="quiet" icon="clock" text={t('coupon.state.waiting')} />;
  return <Badge tone="bad" icon="bad" text={t('coupon.state.parked')} />;
}

function Give({
  page,
  action,
  back,
  currency,
  form,
}: {
  page: StaffPage;
  action: string;
  back: string;
  currency: string | null;
  form: CouponForm;
}): JSX.Element {
  const { t, locale } = page;
  const { typed, mistakes, problem } = form;
  const most = largestAmountMinor(currency) / 100;
  const max = [most.toLocaleString(locale), currency].filter(Boolean).join(' ');
  return (
    <PostForm page={page} action={action} class="card z-section">
      <div class="z-section-body">
        <input type="hidden" name="key" value={form.key} />
        <MistakesBanner page={page} mistakes={mistakes} />
        {problem === undefined ? null : <Banner tone="low" text={problem} />}
        <Choice
          name="kind"
          label={t('coupon.kind')}
          value={typed.kind}
          mistakes={mistakes}
          options={[
            { value: 'amount', text: t('coupon.amount'), help: t('coupon.amount_help', { max }) },
            {
              value: 'percent',
              text: t('coupon.percent'),
              help: t('coupon.percent_help', { max: limits.couponPercentMax }),
            },
          ]}
        />
        <Field
          name="value"
          label={t('coupon.value')}
          help={t('coupon.value_help')}
          value={typed.value}
          mistakes={mistakes}
          inputmode="decimal"
          autocomplete="off"
          required
        />
        <Field
          name="reason"
          label={t('coupon.reason')}
          help={t('coupon.reason_help')}
          value={typed.reason}
          mistakes={mistakes}
          autocomplete="off"
          required
        />
        <div class="z-form-end">
          <Button look="primary" icon="gift" text={t('coupon.give')} />
          <ButtonLink look="quiet" href={back} text={t('coupon.cancel')} />
        </div>
      </div>
    </PostForm>
  );
}
