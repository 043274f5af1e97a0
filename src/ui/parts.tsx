import type { Children } from '@kitajs/html';
import { Icon, type IconName } from './icons';
import type { Page } from './page';

export type Tone = 'good' | 'low' | 'bad' | 'quiet' | 'accent';

const TONE_ICON: Record<'good' | 'low' | 'bad', IconName> = { good: 'good', low: 'warning', bad: 'bad' };

/** A state in a word; its colour says nothing that the word does not. */
export function Badge({ tone, icon, text }: { tone: Tone; icon?: IconName; text: string }): JSX.Element {
  return (
    <span class={`z-badge z-${tone}`}>
      {icon ? <Icon name={icon} /> : null}
      <span safe>{text}</span>
    </span>
  );
}

/** Something that everybody on the page has to know. `role=status` is read out when it comes. */
export function Banner({
  tone,
  text,
  children,
}: {
  tone: 'good' | 'low' | 'bad' | 'quiet';
  text: string;
  children?: Children;
}): JSX.Element {
  return (
    <div class={`z-banner z-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={tone === 'quiet' ? 'info' : TONE_ICON[tone]} />
      <div>
        <p safe>{text}</p>
        {children}
      </div>
    </div>
  );
}

/** Said once after something was done. */
export function FlashBanner({ page }: { page: Page }): JSX.Element {
  return page.flash ? <Banner tone={page.flash.tone} text={page.flash.text} /> : '';
}

/** Told apart here, because a narrowed type is not known to xss-scan as markup any more. */
function isThere(children: unknown): boolean {
  return children !== undefined && children !== null && children !== '';
}

/** The head of a page: where one is, and what can be done here. */
export function PageHeader({
  title,
  lead,
  back,
  children,
}: {
  title: string;
  lead?: string;
  /** The list that this came from. */
  back?: { href: string; text: string };
  /** Buttons. */
  children?: Children;
}): JSX.Element {
  return (
    <header class="z-page-header">
      <div>
        {back ? (
          <a class="z-back" href={back.href}>
            <Icon name="back" />
            <span safe>{back.text}</span>
          </a>
        ) : null}
        <h1 safe>{title}</h1>
        {lead ? (
          <p class="z-lead" safe>
            {lead}
          </p>
        ) : null}
      </div>
      {isThere(children) ? <div class="z-page-actions">{children}</div> : null}
    </header>
  );
}

/** Nothing here yet: what would be here, and how to get it there. */
export function Empty({
  icon,
  title,
  text,
  children,
}: {
  icon: IconName;
  title: string;
  text: string;
  /** The way to get something here. */
  children?: Children;
}): JSX.Element {
  return (
    <div class="z-empty">
      <Icon name={icon} />
      <h2 safe>{title}</h2>
      <p safe>{text}</p>
      {isThere(children) ? <div class="z-empty-actions">{children}</div> : null}
    </div>
  );
}

type ButtonLook = 'primary' | 'plain' | 'quiet' | 'danger';

const LOOKS: Record<ButtonLook, string> = {
  primary: 'btn btn-primary',
  plain: 'btn',
  quiet: 'btn z-btn-quiet',
  danger: 'btn z-btn-danger',
};

/** Sends the form it stands in. */
export function Button({
  text,
  look = 'plain',
  icon,
  name,
  value,
  action,
}: {
  text: string;
  look?: ButtonLook;
  icon?: IconName;
  /** Which of several buttons it was. */
  name?: string;
  value?: string;
  /** Where this button sends the form, when not to the form's own address. */
  action?: string;
}): JSX.Element {
  return (
    <button type="submit" class={LOOKS[look]} name={name} value={value} formaction={action}>
      {icon ? <Icon name={icon} /> : null}
      <span safe>{text}</span>
    </button>
  );
}

/** Goes somewhere, but looks like a button. */
export function ButtonLink({
  text,
  href,
  look = 'plain',
  icon,
}: {
  text: string;
  href: string;
  look?: ButtonLook;
  icon?: IconName;
}): JSX.Element {
  return (
    <a class={LOOKS[look]} href={href}>
      {icon ? <Icon name={icon} /> : null}
      <span safe>{text}</span>
    </a>
  );
}

/** A part of a page on a sheet of its own. */
export function Section({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: string;
  children?: Children;
}): JSX.Element {
  return (
    <section class="card z-section">
      <div class="z-section-head">
        <h2 safe>{title}</h2>
        {lead ? <p safe>{lead}</p> : null}
      </div>
      <div class="z-section-body">{children}</div>
    </section>
  );
}
