import { METERS } from '../domain/credits';
import type { Package } from '../domain/packages';
import type { ProductNews } from '../domain/products';
import { Bar } from '../ui/counter';
import { CheckBox, Choice, Field, MistakesBanner, PostForm, Select } from '../ui/field';
import type { Mistakes } from '../ui/form';
import { Icon } from '../ui/icons';
import type { StaffPage } from '../ui/page';
import { Banner, Button, ButtonLink, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { exactTime } from '../ui/time';
import { MATCH_KINDS, PAYABLE, type Typed, understand } from './package-form';
import { matchWords, newsWords, packageWords } from './package-words';
import { type Picker, PickerBox } from './product-picker.view';
import type { ShopName } from './stores.query';

export interface PackageForm {
  /** null: it is to be a new one. */
  known: Package | null;
  typed: Typed;
  shops: ShopName[];
  /** Sent along, so that a form that is sent twice is saved once. */
  key: string;
  mistakes: Mistakes;
  /** Which package buys this product already. */
  taken?: { id: string; name: string };
  /** What is wrong with the whole. */
  problem?: { text: string; link?: { href: string; text: string } };
  /** null: there is no shop to choose from. */
  picker: Picker | null;
  /** Name of the product that was just chosen. */
  picked?: string;
  /** What became of its product in the shop. */
  news: ProductNews[];
}

const FORM = 'package-form';

export function packageView(page: StaffPage, form: PackageForm): JSX.Element {
  const { t } = page;
  const title = form.known ? form.known.name : t('packages.new_title');
  return (
    <Shell page={page} title={title}>
      <PageHeader
        title={title}
        lead={t(form.known ? 'packages.edit_lead' : 'packages.new_lead')}
        back={{ href: '/admin/packages', text: t('packages.title') }}
      >
        {form.known ? (
          <ButtonLink
            icon="history"
            href={`/admin/packages/${form.known.id}/import`}
            text={t('imports.link')}
          />
        ) : null}
      </PageHeader>
      <NewsBanners page={page} news={form.news} />
      <div class="z-beside">
        <div>
          {form.picker ? <PickerBox page={page} picker={form.picker} isOpen={isPickerOpen(form)} /> : null}
          <PackageFormFields page={page} form={form} />
        </div>
        <aside class="z-beside-sticky" aria-labelledby="promise-title">
          <div
            id="promise"
            class="card z-promise"
            aria-live="polite"
            hx-post="/admin/packages/preview"
            hx-include={`#${FORM}`}
            hx-trigger={`input delay:250ms from:#${FORM}, change delay:250ms from:#${FORM}, z-picked from:body`}
            hx-sync="this:replace"
          >
            {promiseView(page, form.typed)}
          </div>
        </aside>
      </div>
    </Shell>
  );
}

/** Whoever makes a new package begins with the product; what was searched for is seen. */
function isPickerOpen({ known, picker }: PackageForm): boolean {
  return known === null || (picker?.search ?? null) !== null;
}

/** What was bought stays; but who wants to buy now should be able to. */
function NewsBanners({ page, news }: { page: StaffPage; news: ProductNews[] }): JSX.Element {
  return (
    <>
      {news.map((one) => (
        <Banner tone={one.kind === 'renamed' ? 'quiet' : 'low'} text={newsWords(page, one)} />
      ))}
    </>
  );
}

function PackageFormFields({ page, form }: { page: StaffPage; form: PackageForm }): JSX.Element {
  const { t } = page;
  const { known, typed, mistakes, problem } = form;
  return (
    <PostForm page={page} id={FORM} action={page.path} class="z-package">
      <input type="hidden" name="key" value={form.key} />
      {known ? <input type="hidden" name="version" value={known.versionId} /> : null}
      <MistakesBanner page={page} mistakes={mistakes} />
      {problem ? (
        <Banner tone="low" text={problem.text}>
          {problem.link ? (
            <a href={problem.link.href} safe>
              {problem.link.text}
            </a>
          ) : null}
        </Banner>
      ) : null}
      {productView(page, { ...form, isNew: form.known === null })}
      <Contents page={page} form={form} />
      <Section title={t('packages.section.rules')}>
        <Field
          name="validity_days"
          label={t('packages.field.validity_days')}
          help={t('packages.field.validity_days_help')}
          value={typed.validityDays}
          mistakes={mistakes}
          inputmode="numeric"
        />
        <Choice
          name="scope"
          label={t('packages.field.scope')}
          value={typed.scope}
          mistakes={mistakes}
          options={[
            { value: 'customer', text: t('packages.field.scope_customer') },
            { value: 'ticket', text: t('packages.field.scope_ticket') },
          ]}
        />
        <CheckBox
          name="opens_ticket"
          label={t('packages.field.opens_ticket')}
          help={t('packages.field.opens_ticket_help')}
          checked={typed.opensTicket}
        />
        <Field
          name="low_balance_at"
          label={t('packages.field.low_balance_at')}
          help={t('packages.field.low_balance_at_help')}
          value={typed.lowBalanceAt}
          mistakes={mistakes}
          inputmode="numeric"
        />
        <CheckBox
          name="from_now"
          label={
            known?.ordersFrom
              ? t('packages.field.from_then', { when: exactTime(page, known.ordersFrom) })
              : t('packages.field.from_now')
          }
          help={t('packages.field.from_now_help')}
          checked={typed.fromNow}
        />
        <CheckBox
          name="active"
          label={t('packages.field.active')}
          help={t('packages.field.active_help')}
          checked={typed.active}
        />
      </Section>
      <div class="z-form-end z-package-end">
        <Button look="primary" text={t(known ? 'packages.save' : 'packages.create')} />
        <ButtonLink look="quiet" href="/admin/packages" text={t('packages.cancel')} />
      </div>
    </PostForm>
  );
}

type ProductPart = Pick<PackageForm, 'known' | 'typed' | 'shops' | 'mistakes' | 'taken' | 'picked'> & {
  isNew: boolean;
};

/** Put in place of itself when a product was chosen. */
export function productView(page: StaffPage, form: ProductPart): JSX.Element {
  const { t } = page;
  const { known, typed, mistakes, shops, taken, picked, isNew } = form;
  const shop = shops.find(({ id }) => id === (known?.storeId ?? typed.store));
  return (
    <div id="z-product">
      <Section title={t('packages.section.product')}>
        {picked === undefined ? null : <Banner tone="good" text={t('picker.picked', { name: picked })} />}
        {shops.length > 1 && isNew ? (
          <Select
            name="store"
            label={t('packages.field.store')}
            value={typed.store}
            mistakes={mistakes}
            options={shops.map(({ id, name }) => ({ value: id, text: name }))}
          />
        ) : null}
        {shops.length > 1 && !isNew ? (
          <dl class="z-facts">
            <div>
              <dt safe>{t('packages.field.store')}</dt>
              <dd safe>{shop?.name ?? ''}</dd>
            </div>
          </dl>
        ) : null}
        <Field
          name="name"
          label={t('packages.field.name')}
          help={t('packages.field.name_help')}
          value={typed.name}
          mistakes={mistakes}
          autocomplete="off"
          required
          autofocus={isNew && picked === undefined && typed.name === ''}
        />
        <div class="z-across">
          <Choice
            name="match_kind"
            label={t('packages.field.match_kind')}
            value={typed.matchKind}
            options={MATCH_KINDS.map((value) => ({
              value,
              text: t(`packages.match.${value}`),
              help: t(`packages.match.${value}_help`),
            }))}
          />
        </div>
        <Field
          name="match_value"
          label={t('packages.field.match_value')}
          value={typed.matchValue}
          mistakes={mistakes}
          {...(taken
            ? {
                mistakeLink: {
                  href: `/admin/packages/${taken.id}`,
                  text: t('packages.mistakes.taken_link', { name: taken.name }),
                },
              }
            : {})}
          autocomplete="off"
          required
        />
      </Section>
    </div>
  );
}

/** The parts that only some meters need are hidden by the style sheet while those are empty. */
function Contents({ page, form }: { page: StaffPage; form: PackageForm }): JSX.Element {
  const { t } = page;
  const { typed, mistakes } = form;
  return (
    <Section title={t('packages.section.contents')} lead={t('packages.section.contents_lead')}>
      <div class="z-amounts">
        {METERS.map((meter) => (
          <Field
            name={`grant_${meter}`}
            label={t(`packages.field.grant.${meter}`)}
            help={t(`packages.field.grant.${meter}_help`)}
            value={typed.grants[meter]}
            mistakes={mistakes}
            inputmode="numeric"
            autocomplete="off"
            placeholder={t('packages.field.none')}
          />
        ))}
      </div>
      <div class="z-across z-if-sms">
        <Choice
          name="sms_unit"
          label={t('packages.field.sms_unit')}
          value={typed.smsUnit}
          options={[
            {
              value: 'message',
              text: t('packages.field.sms_message'),
              help: t('packages.field.sms_message_help'),
            },
            {
              value: 'segment',
              text: t('packages.field.sms_segment'),
              help: t('packages.field.sms_segment_help'),
            },
          ]}
        />
      </div>
      <div class="z-across z-if-video">
        <Choice
          name="video_unit"
          label={t('packages.field.video_unit')}
          value={typed.videoUnit}
          options={[
            {
              value: 'session',
              text: t('packages.field.video_session'),
              help: t('packages.field.video_session_help'),
            },
            {
              value: 'block',
              text: t('packages.field.video_block'),
              help: t('packages.field.video_block_help'),
            },
          ]}
        />
        <div class="z-if-block">
          <Field
            name="video_block_minutes"
            label={t('packages.field.video_block_minutes')}
            value={typed.videoBlockMinutes}
            mistakes={mistakes}
            inputmode="numeric"
            autocomplete="off"
          />
        </div>
      </div>
      <fieldset class="z-field z-if-any">
        <legend class="form-label" safe>
          {t('packages.field.prices')}
        </legend>
        <p class="form-hint z-prices-hint" safe>
          {t('packages.field.prices_help')}
        </p>
        <div class="z-amounts">
          {PAYABLE.map((meter) => (
            <Field
              name={`price_${meter}`}
              label={t(`packages.field.price.${meter}`)}
              value={typed.prices[meter]}
              mistakes={mistakes}
              inputmode="numeric"
              autocomplete="off"
              placeholder={t('packages.field.not_payable')}
            />
          ))}
        </div>
      </fieldset>
    </Section>
  );
}

/** What the customer will get, in words: of the form as it stands, whatever is still missing in it. */
export function promiseView(page: StaffPage, typed: Typed): JSX.Element {
  const { t } = page;
  const { input, mistakes } = understand(page, typed, null);
  const words = packageWords(page, input);
  const of =
    mistakes.match_value === undefined
      ? t('packages.words.for_product', { product: matchWords(page, input.match) })
      : t('packages.words.for_any_product');
  return (
    <>
      <h2 id="promise-title" safe>
        {t('packages.words.title')}
      </h2>
      <p class="z-lead" safe>
        {of}
      </p>
      {words.gives.length === 0 ? (
        <p class="z-promise-nothing" safe>
          {t('packages.words.nothing')}
        </p>
      ) : (
        <ul class="z-promise-gives">
          {words.gives.map(({ meter, quantity, what, how }) => (
            <li>
              <Icon name={meter} />
              <div>
                <p>
                  <strong class="z-count" safe>
                    {quantity.toLocaleString(page.locale)}
                  </strong>{' '}
                  <span safe>{what}</span>
                </p>
                <Bar count={{ left: quantity, of: quantity }} />
                <p class="z-row-note" safe>
                  {how}
                </p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {words.gives.length > 0 ? (
        <ul class="z-promise-terms">
          {words.terms.map(({ icon, text }) => (
            <li>
              <Icon name={icon} />
              <span safe>{text}</span>
            </li>
          ))}
        </ul>
      ) : null}
      {input.active ? null : <Banner tone="quiet" text={t('packages.words.off_sale')} />}
    </>
  );
}
