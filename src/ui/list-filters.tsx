import type { Children } from '@kitajs/html';
import { Icon } from './icons';
import type { Page } from './page';
import { Badge, Button, type Tone } from './parts';

/**
 * What a list is narrowed down by. It stands in the address, so that a view can be shared; with htmx the list below
 * follows while one types. `target`: the id of the element that the page answers alone when it is asked for a part.
 */
export function Filters({
  page,
  target,
  button,
  children,
}: {
  page: Page;
  target: string;
  button: string;
  children?: Children;
}): JSX.Element {
  return (
    <search>
      <form
        class="z-filters"
        method="get"
        action={page.path}
        hx-get={page.path}
        hx-target={`#${target}`}
        hx-trigger="submit, input delay:350ms"
        hx-sync="this:replace"
        hx-push-url="true"
      >
        {children}
        <Button text={button} />
      </form>
    </search>
  );
}

/** The one that takes words. */
export function SearchField({
  name = 'q',
  label,
  value,
  placeholder,
}: {
  name?: string;
  /** Read out; sighted readers see the placeholder. */
  label: string;
  value: string;
  placeholder: string;
}): JSX.Element {
  return (
    <div class="z-search">
      <Icon name="search" />
      <input
        class="form-control"
        type="search"
        name={name}
        value={value}
        aria-label={label}
        placeholder={placeholder}
        maxlength={200}
        autocomplete="off"
      />
    </div>
  );
}

export interface View {
  href: string;
  text: string;
  isOn: boolean;
  /** Shown where it is more than nothing. */
  count?: number;
  /** What the count means. */
  tone?: Tone;
}

/** A few ways to look at the same thing; each is a link, so each has an address. */
export function Views({
  label,
  views,
}: {
  /** For screen readers: what is chosen here. */
  label: string;
  views: View[];
}): JSX.Element {
  return (
    <nav class="z-views" aria-label={label}>
      {views.map((view) => (
        <a href={view.href} aria-current={view.isOn ? 'true' : undefined}>
          <span safe>{view.text}</span>
          {view.count ? <Badge tone={view.tone ?? 'quiet'} text={String(view.count)} /> : null}
        </a>
      ))}
    </nav>
  );
}
