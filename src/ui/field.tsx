import type { Children } from '@kitajs/html';
import type { Mistakes } from './form';
import { Icon } from './icons';
import type { Page } from './page';
import { Banner } from './parts';

/** A form that changes something: posts, with the token that proves it is ours. */
export function PostForm({
  page,
  action,
  id,
  class: className,
  attrs,
  children,
}: {
  page: Page;
  action: string;
  id?: string;
  class?: string;
  /** For htmx: { 'hx-post': …, 'hx-target': … }. */
  attrs?: Record<string, string>;
  children?: Children;
}): JSX.Element {
  return (
    <form method="post" action={action} id={id} class={className} novalidate {...attrs}>
      <input type="hidden" name="_csrf" value={page.csrf} />
      {children}
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  value?: string;
  help?: string;
  /** All of the form; the one of this field is shown beside it. */
  mistakes?: Mistakes;
  required?: boolean;
  /** Stands after the mistake: the way to what is in the way. */
  mistakeLink?: { href: string; text: string };
  /** Unless a mistake wants the focus more. */
  autofocus?: boolean;
  /** Where two forms of a page have a field of one name. */
  id?: string;
}

type InputType = 'text' | 'email' | 'password' | 'number' | 'search' | 'url' | 'tel' | 'date';

/** One line of text. */
export function Field({
  type = 'text',
  autocomplete,
  inputmode,
  maxlength,
  min,
  max,
  placeholder,
  ...props
}: FieldProps & {
  type?: InputType;
  autocomplete?: string;
  inputmode?: 'numeric' | 'decimal' | 'email' | 'tel' | 'search';
  maxlength?: number;
  min?: number;
  max?: number;
  placeholder?: string;
}): JSX.Element {
  return (
    <Around {...props}>
      <input
        {...attributesOf(props)}
        class={controlClass(props)}
        type={type}
        value={type === 'password' ? undefined : (props.value ?? '')}
        autocomplete={autocomplete}
        inputmode={inputmode}
        maxlength={maxlength}
        min={min}
        max={max}
        placeholder={placeholder}
      />
    </Around>
  );
}

export function TextArea({ rows = 5, ...props }: FieldProps & { rows?: number }): JSX.Element {
  return (
    <Around {...props}>
      {/* The first line end after the tag is not part of the text: without one here, the text would lose its own. */}
      <textarea {...attributesOf(props)} class={controlClass(props)} rows={String(rows)} safe>
        {`\n${props.value ?? ''}`}
      </textarea>
    </Around>
  );
}

export interface Option {
  value: string;
  text: string;
  help?: string;
}

export function Select({ options, ...props }: FieldProps & { options: Option[] }): JSX.Element {
  return (
    <Around {...props}>
      <select {...attributesOf(props)} class={controlClass(props, 'form-select')}>
        {options.map((option) => (
          <option value={option.value} selected={option.value === props.value} safe>
            {option.text}
          </option>
        ))}
      </select>
    </Around>
  );
}

/** A few possibilities that are worth seeing side by side. */
export function Choice({ options, ...props }: FieldProps & { options: Option[] }): JSX.Element {
  const mistake = mistakeOf(props);
  const id = props.id ?? props.name;
  return (
    <fieldset class="z-field" aria-describedby={describedBy(props)}>
      <legend class="form-label" safe>
        {props.label}
      </legend>
      <div class="z-choices">
        {options.map((option, i) => (
          <label class="z-choice">
            <input
              class="form-check-input"
              type="radio"
              name={props.name}
              value={option.value}
              checked={option.value === props.value}
              autofocus={i === 0 && mistake !== undefined}
            />
            <span>
              <span safe>{option.text}</span>
              {option.help ? <small safe>{option.help}</small> : null}
            </span>
          </label>
        ))}
      </div>
      <Below id={id} help={props.help} mistake={mistake} />
    </fieldset>
  );
}

export function CheckBox({
  checked,
  value = 'yes',
  ...props
}: FieldProps & { checked: boolean }): JSX.Element {
  const id = props.id ?? props.name;
  return (
    <div class="z-field">
      <label class="z-choice z-check">
        <input
          {...attributesOf(props)}
          class="form-check-input"
          type="checkbox"
          value={value}
          checked={checked}
        />
        <span safe>{props.label}</span>
      </label>
      <Below id={id} help={props.help} mistake={mistakeOf(props)} />
    </div>
  );
}

/** At the top of a form that was refused: how many things there are to mend. */
export function MistakesBanner({ page, mistakes }: { page: Page; mistakes: Mistakes }): JSX.Element {
  const count = Object.keys(mistakes).length;
  return count === 0 ? '' : <Banner tone="bad" text={page.t('form.mend', { count })} />;
}

function mistakeOf({ name, mistakes }: FieldProps): string | undefined {
  return mistakes?.[name];
}

function attributesOf(props: FieldProps) {
  const { name, required, mistakes = {}, autofocus = false } = props;
  const mistake = mistakeOf(props);
  return {
    id: props.id ?? name,
    name,
    required,
    'aria-describedby': describedBy(props),
    'aria-invalid': mistake === undefined ? undefined : ('true' as const),
    // Of several, the browser takes the first on the page.
    autofocus: mistake !== undefined || (autofocus && Object.keys(mistakes).length === 0),
  };
}

function describedBy(props: FieldProps): string | undefined {
  const id = props.id ?? props.name;
  const ids = [mistakeOf(props) ? `${id}-mistake` : '', props.help ? `${id}-help` : ''].filter(Boolean);
  return ids.length > 0 ? ids.join(' ') : undefined;
}

function controlClass(props: FieldProps, base = 'form-control'): string {
  return mistakeOf(props) === undefined ? base : `${base} is-invalid`;
}

function Around(props: FieldProps & { children?: Children }): JSX.Element {
  const id = props.id ?? props.name;
  return (
    <div class="z-field">
      <label class="form-label" for={id} safe>
        {props.label}
      </label>
      {props.children}
      <Below id={id} help={props.help} mistake={mistakeOf(props)} link={props.mistakeLink} />
    </div>
  );
}

function Below({
  id,
  help,
  mistake,
  link,
}: {
  id: string;
  help?: string;
  mistake?: string;
  link?: { href: string; text: string };
}): JSX.Element {
  return (
    <>
      {mistake ? (
        <p class="z-mistake" id={`${id}-mistake`}>
          <Icon name="bad" />
          <span>
            <span safe>{mistake}</span>
            {link ? (
              <>
                {' '}
                <a href={link.href} safe>
                  {link.text}
                </a>
              </>
            ) : null}
          </span>
        </p>
      ) : null}
      {help ? (
        <p class="form-hint" id={`${id}-help`} safe>
          {help}
        </p>
      ) : null}
    </>
  );
}
