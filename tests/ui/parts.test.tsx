import express from 'express';
import { pageHost } from '../../src/console';
import { assetRoutes } from '../../src/ui/assets';
import { type Count, Counters } from '../../src/ui/counter';
import { CheckBox, Choice, Field, MistakesBanner, PostForm, Select, TextArea } from '../../src/ui/field';
import type { StaffPage } from '../../src/ui/page';
import { Badge, Banner, Button, ButtonLink, Empty, PageHeader, Section } from '../../src/ui/parts';
import { makePages, withHeaders } from '../../src/ui/routes';
import { Shell } from '../../src/ui/shell';
import { Paging, Table } from '../../src/ui/table';
import { Clock, Day, relativeTime, Time } from '../../src/ui/time';
import { makeTestApp, type TestApp } from '../support/app';
import {
  describeInBrowser,
  expectNoForeignRequests,
  look,
  openBrowser,
  PAGE_ENV,
  type TestBrowser,
} from '../support/browser';

const HOSTILE = `<script>document.title='x'</script> &amp; "quoted" 'too' 😀 שלום עולם`;

const COUNTS: Count[] = [
  {
    meter: 'sms',
    left: 6,
    level: 'enough',
    of: 10,
    onHold: 1,
    expiring: { quantity: 4, at: '2027-03-31T22:00:00Z' },
    href: '/s?meter=sms',
  },
  { meter: 'email', left: 180, level: 'enough', of: 200, href: '/s?meter=email' },
  { meter: 'request', left: 1, level: 'low', of: 5, onHold: 1, href: '/s?meter=request' },
  { meter: 'video', left: 0, level: 'none', of: 3, href: '/s?meter=video' },
];

function partsView(page: StaffPage): JSX.Element {
  const mistakes = { sku: 'This product is already bought by package Start.', note: HOSTILE };
  const columns = [
    { label: 'Customer' },
    { label: 'State' },
    { label: 'Credits', wideOnly: true },
    { label: 'Orders', align: 'end' as const, named: true },
    { label: 'Updated', align: 'end' as const },
  ];
  const topUp = <ButtonLink href="#top-up" text="Send top-up link" />;
  return (
    <Shell page={page} title="Parts">
      <PageHeader title={HOSTILE} lead="Every part once." back={{ href: '/parts', text: 'Back' }}>
        <ButtonLink href="#new" look="primary" icon="plus" text="New package" />
      </PageHeader>
      <Banner tone="low" text="Two orders wait for a package." />
      <Counters page={page} size="page" counts={COUNTS} actions={{ video: topUp }} />
      <Section title="Rows">
        <Counters page={page} size="row" counts={COUNTS} actions={{ video: topUp }} />
      </Section>
      <div class="z-narrow">
        <Section title="Line">
          <Counters page={page} size="line" counts={COUNTS} />
        </Section>
      </div>
      <Table
        caption="Customers"
        columns={columns}
        rows={[HOSTILE, 'Maja Novak', 'Petra Rupnik'].map((label, i) => ({
          href: `/parts/${i}`,
          label,
          note: <span safe>{`customer${i}@example.com`}</span>,
          cells: [
            <Badge tone={(['good', 'low', 'bad'] as const)[i] ?? 'quiet'} icon="good" text="paid" />,
            <Counters page={page} size="line" counts={COUNTS.slice(0, 2)} />,
            String(i * 7),
            <Time page={page} at="2026-11-22T11:20:00.000Z" />,
          ],
        }))}
      />
      <Paging page={page} shown={3} total={312} next="abc" />
      <Empty
        icon="packages"
        title="No packages yet"
        text="A package says what a product buys. Make one, and the next order opens a ticket."
      >
        <ButtonLink href="#new" look="primary" icon="plus" text="New package" />
      </Empty>
      <div class="z-narrow">
        <Section title="Form" lead="As it comes back when it was refused.">
          <PostForm page={page} action="/parts">
            <MistakesBanner page={page} mistakes={mistakes} />
            <Field name="name" label="Name" value={HOSTILE} help="Customers see it." mistakes={mistakes} />
            <Field name="sku" label="Product code (SKU)" value="SUP-10" mistakes={mistakes} />
            <TextArea
              name="note"
              label="Note"
              value={`\n${HOSTILE}`}
              mistakes={mistakes}
              help="For colleagues."
            />
            <Select
              name="scope"
              label="Where it counts"
              value="ticket"
              options={[
                { value: 'customer', text: HOSTILE },
                { value: 'ticket', text: 'This ticket' },
              ]}
            />
            <Choice
              name="unit"
              label="What one SMS credit is"
              value="message"
              options={[
                { value: 'message', text: 'A message', help: 'However long.' },
                { value: 'segment', text: 'A part of a message', help: 'Long messages cost more.' },
              ]}
            />
            <CheckBox name="active" label="On sale" checked help="Off: future orders buy nothing." />
            <p>
              <Day page={page} at="2025-03-31T10:00:00Z" /> <Clock page={page} at="2025-03-31T22:30:00Z" />
            </p>
            <Button look="primary" text="Save" /> <Button look="danger" text="Delete package Start" />{' '}
            <Button look="quiet" text="Cancel" />
          </PostForm>
        </Section>
      </div>
    </Shell>
  );
}

describeInBrowser('the parts of pages', (engine) => {
  let app: TestApp;
  let browser: TestBrowser;
  const sent: [string, string][] = [];

  beforeAll(async () => {
    app = await makeTestApp(engine, { env: PAGE_ENV });
    const http = express();
    const pages = makePages(pageHost(app.ctx)).routes();
    pages.get('/parts', 'read-only', (page) => partsView(page));
    pages.post('/parts', 'read-only', (page, form) => {
      sent.push(...form.entries());
      return partsView(page);
    });
    pages.get('/parts/rows', 'anyone', (page) =>
      withHeaders(page.isFragment ? '<p>fresh</p>' : '', { 'HX-Push-Url': '/parts?q=1' }),
    );
    http.use(assetRoutes(), pages.router);
    browser = await openBrowser({ ...app, http });
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });

  test('are accessible at both widths, light and dark, with nothing from elsewhere', async () => {
    await look(browser, '/parts', 'parts', { signedInAs: 'owner' });
  }, 60_000);

  test('show hostile text as text, in elements, attributes and form fields, and send it back unchanged', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${browser.base}/parts`);
    expect(await page.title()).toBe('Parts · Zeton');
    expect(await page.locator('h1').textContent()).toBe(HOSTILE);
    expect(await page.locator('tbody a').first().textContent()).toBe(HOSTILE);
    expect(await page.locator('#name').inputValue()).toBe(HOSTILE);
    expect(await page.locator('#note').inputValue()).toBe(`\n${HOSTILE}`);
    expect(await page.locator('#scope option').first().textContent()).toBe(HOSTILE);
    await page.locator('main button', { hasText: 'Save' }).click();
    await page.waitForLoadState();
    expect(Object.fromEntries(sent)).toMatchObject({ name: HOSTILE, note: `\n${HOSTILE}` });
    expectNoForeignRequests(page);
  });

  test('htmx puts a fresh part into the page, and is told the address of what it shows', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${browser.base}/parts`);
    await page.evaluate("htmx.ajax('GET', '/parts/rows', '#main')");
    await page.waitForURL(`${browser.base}/parts?q=1`);
    expect(await page.locator('#main').innerHTML()).toBe('<p>fresh</p>');
    await page.evaluate("htmx.ajax('GET', '/parts/none', '#main')");
    await page.locator('#z-trouble:not([hidden])').waitFor();
    expect(await page.locator('#main').innerHTML()).toBe('<p>fresh</p>');
  });

  test('put the mistake beside its field, name it to screen readers, and give the first one the focus', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${browser.base}/parts`);
    const sku = page.locator('#sku');
    expect(await sku.getAttribute('aria-describedby')).toBe('sku-mistake');
    expect(await sku.getAttribute('aria-invalid')).toBe('true');
    expect(await page.locator('#sku-mistake').textContent()).toBe(
      'This product is already bought by package Start.',
    );
    expect(await page.locator('#note').getAttribute('aria-describedby')).toBe('note-mistake note-help');
    expect(await page.evaluate('document.activeElement.id')).toBe('sku');
  });
});

describe('times', () => {
  const page = {
    locale: 'en-GB',
    zone: 'Europe/Ljubljana',
    now: new Date('2026-11-22T12:00:00Z'),
    t: () => 'just now',
  };
  test.each([
    ['2026-11-22T11:59:30Z', 'just now'],
    ['2026-11-22T11:57:00Z', '3 minutes ago'],
    ['2026-11-22T09:00:00Z', '3 hours ago'],
    ['2026-11-21T11:00:00Z', 'yesterday'],
    ['2026-11-25T13:00:00Z', 'in 3 days'],
    // The store's day has begun, while it is still yesterday in London.
    ['2026-10-31T23:30:00Z', '1 Nov'],
    ['2025-12-31T23:30:00Z', '1 Jan'],
    ['2025-03-31T10:00:00Z', '31 Mar 2025'],
  ])('%s is said as "%s"', (at, words) => {
    expect(relativeTime(page, at)).toBe(words);
  });
});
