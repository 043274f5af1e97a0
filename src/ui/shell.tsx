import type { Children } from '@kitajs/html';
import type { TextKey } from '../locales';
import { Alarms } from './alarms';
import { assetUrl } from './assets';
import { Bar } from './counter';
import { PostForm } from './field';
import { Icon } from './icons';
import { mayAct, type Page, type Staff, type StaffRole, THEMES, type Theme } from './page';
import { FlashBanner } from './parts';

interface Place {
  key: 'tickets' | 'customers' | 'orders' | 'packages' | 'stores' | 'deliveries' | 'incoming' | 'sandbox';
  href: string;
  needs: StaffRole;
  /** Only for those who look after all shops. */
  allStores?: boolean;
  /** Pages that belong to it, and stand elsewhere. */
  also?: string[];
}

const HELP_DESK: Place[] = [
  { key: 'tickets', href: '/console/tickets', needs: 'read-only' },
  { key: 'customers', href: '/console/customers', needs: 'read-only' },
  { key: 'orders', href: '/console/orders', needs: 'read-only' },
];

const SHOP: Place[] = [
  { key: 'packages', href: '/admin/packages', needs: 'admin' },
  { key: 'stores', href: '/admin/stores', needs: 'admin' },
  { key: 'deliveries', href: '/admin/deliveries', needs: 'admin' },
  {
    key: 'incoming',
    href: '/admin/incoming',
    needs: 'admin',
    allStores: true,
  },
  { key: 'sandbox', href: '/admin/sandbox', needs: 'admin' },
];

/** htmx as the content security policy wants it; answers that refuse a form are shown, other errors are not swapped in. */
const HTMX = JSON.stringify({
  includeIndicatorStyles: false,
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  // Without style: the content security policy takes none.
  attributesToSettle: ['class', 'width', 'height'],
  // Pages hold what customers wrote: they are not to be left in the browser's storage.
  historyCacheSize: 0,
  refreshOnHistoryMiss: true,
  scrollBehavior: 'auto',
  responseHandling: [
    { code: '204', swap: false },
    { code: '[23]..', swap: true },
    { code: '402|409|422', swap: true },
    { code: '...', swap: false, error: true },
  ],
});

/** Everything around a page. `wide`: the page uses the whole width (the ticket). */
export function Shell({
  page,
  title,
  wide = false,
  children,
}: {
  page: Page;
  title: string;
  wide?: boolean;
  children?: Children;
}): JSX.Element {
  return (
    <Document page={page} title={title}>
      <a class="z-skip" href="#main" safe>
        {page.t('shell.skip')}
      </a>
      {page.staff ? <TopBar page={page} staff={page.staff} /> : null}
      <main id="main" class={wide ? 'z-main z-main-wide' : 'z-main'} tabindex="-1">
        <Alarms page={page} />
        <FlashBanner page={page} />
        {children}
      </main>
      <div id="z-trouble" class="z-trouble" role="alert" hidden data-text={page.t('shell.trouble')} />
    </Document>
  );
}

/** For whoever is not signed in: the mark, and one thing to do. */
export function BareShell({
  page,
  title,
  children,
}: {
  page: Page;
  title: string;
  children?: Children;
}): JSX.Element {
  return (
    <Document page={page} title={title}>
      <main id="main" class="z-bare">
        <div class="z-bare-sheet">
          <p class="z-bare-mark">
            <Mark />
            <span safe>{page.t('shell.product')}</span>
          </p>
          <Bar class="z-bare-tokens" count={{ left: 6, onHold: 1, of: 10 }} />
          <FlashBanner page={page} />
          {children}
        </div>
      </main>
    </Document>
  );
}

function Document({
  page,
  title,
  children,
}: {
  page: Page;
  title: string;
  children?: Children;
}): JSX.Element {
  const { t } = page;
  return (
    <>
      {'<!doctype html>'}
      <html lang={page.locale} data-bs-theme={page.theme}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content={page.theme === 'auto' ? 'light dark' : page.theme} />
          <meta name="robots" content="noindex" />
          <meta name="htmx-config" content={HTMX} />
          <title safe>{`${title} · ${t('shell.product')}`}</title>
          <link rel="icon" type="image/svg+xml" href={assetUrl('mark.svg')} />
          <link rel="stylesheet" href={assetUrl('tabler.css')} />
          <link rel="stylesheet" href={assetUrl('zeton.css')} />
          <script src={assetUrl('htmx.js')} defer></script>
          <script src={assetUrl('zeton.js')} defer></script>
        </head>
        <body hx-headers={JSON.stringify({ 'X-CSRF-Token': page.csrf })}>{children}</body>
      </html>
    </>
  );
}

function Mark(): JSX.Element {
  return (
    <svg class="z-mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <circle class="z-mark-disc" cx="16" cy="16" r="15" />
      <circle class="z-mark-rim" cx="16" cy="16" r="12.2" />
      <path d="M11.6 11.6h8.8l-8.8 8.8h8.8" />
    </svg>
  );
}

function TopBar({ page, staff }: { page: Page; staff: Staff }): JSX.Element {
  const { t } = page;
  const shop = SHOP.filter(
    (place) => mayAct(staff.role, place.needs) && (!place.allStores || staff.storeIds === null),
  );
  return (
    <header class="z-bar-top">
      <a class="z-brand" href="/console">
        <Mark />
        <span safe>{t('shell.product')}</span>
      </a>
      <nav class="z-places" aria-label={t('shell.menu')}>
        <Places page={page} places={HELP_DESK} />
        {shop.length > 0 ? <Places page={page} places={shop} /> : null}
      </nav>
      <details class="z-menu z-person">
        <summary aria-label={t('shell.person_menu', { name: staff.name })}>
          <span class="z-initials" data-initials={initialsOf(staff.name)} />
          <Icon name="down" />
        </summary>
        <div class="z-menu-sheet">
          <p class="z-menu-who">
            <strong safe>{staff.name}</strong>
            <span safe>{staff.email}</span>
          </p>
          <a class="z-menu-item" href="/console/account">
            <Icon name="person" />
            <span safe>{t('shell.account')}</span>
          </a>
          <ThemeSwitch page={page} />
          <PostForm page={page} action="/sign-out">
            <button type="submit" class="z-menu-item">
              <Icon name="sign_out" />
              <span safe>{t('shell.sign_out')}</span>
            </button>
          </PostForm>
        </div>
      </details>
      <details class="z-menu z-places-menu">
        <summary aria-label={t('shell.menu')}>
          <Icon name="menu" />
        </summary>
        <nav class="z-menu-sheet" aria-label={t('shell.menu')}>
          <PlacesGroup page={page} title={t('shell.help_desk')} places={HELP_DESK} />
          {shop.length > 0 ? <PlacesGroup page={page} title={t('shell.shop')} places={shop} /> : null}
        </nav>
      </details>
    </header>
  );
}

function Places({ page, places }: { page: Page; places: Place[] }): JSX.Element {
  return (
    <ul>
      {places.map((place) => (
        <li>
          <a href={place.href} aria-current={isHere(page, place) ? 'page' : undefined} safe>
            {page.t(`shell.${place.key}`)}
          </a>
        </li>
      ))}
    </ul>
  );
}

function PlacesGroup({ page, title, places }: { page: Page; title: string; places: Place[] }): JSX.Element {
  return (
    <>
      <p class="z-menu-title" safe>
        {title}
      </p>
      {places.map((place) => (
        <a class="z-menu-item" href={place.href} aria-current={isHere(page, place) ? 'page' : undefined}>
          <Icon name={place.key} />
          <span safe>{page.t(`shell.${place.key}`)}</span>
        </a>
      ))}
    </>
  );
}

function isHere(page: Page, place: Place): boolean {
  return [place.href, ...(place.also ?? [])].some(
    (href) => page.path === href || page.path.startsWith(`${href}/`),
  );
}

const THEME_TEXT = {
  auto: 'shell.theme_auto',
  light: 'shell.theme_light',
  dark: 'shell.theme_dark',
} as const satisfies Record<Theme, TextKey>;

/** Three buttons of one form: it works without a script, and says which one is on. */
export function ThemeSwitch({ page }: { page: Page }): JSX.Element {
  return (
    <PostForm page={page} action="/theme" class="z-themes">
      <input type="hidden" name="back" value={page.here} />
      <fieldset>
        <legend safe>{page.t('shell.theme')}</legend>
        {THEMES.map((theme) => (
          <button
            type="submit"
            name="theme"
            value={theme}
            aria-pressed={page.theme === theme ? 'true' : 'false'}
          >
            <Icon name={theme} />
            <span safe>{page.t(THEME_TEXT[theme])}</span>
          </button>
        ))}
      </fieldset>
    </PostForm>
  );
}

function initialsOf(name: string): string {
  const words = name.split(/[\s.]+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')][0]);
  return letters.join('').toLocaleUpperCase();
}
