import type { TextKey } from '../locales';
import { PostForm } from './field';
import { Icon, type IconName } from './icons';
import type { Page } from './page';
import { Button, ButtonLink } from './parts';
import { BareShell, Shell } from './shell';

/** What went wrong, in words; inside the shell for whoever is signed in. */
export function errorView(
  page: Page,
  error: { icon: IconName; title: string; words: string; requestId?: string; again?: Again },
): JSX.Element {
  const { t, staff } = page;
  const body = (
    <div class="z-error">
      <Icon name={error.icon} />
      <h1 safe>{error.title}</h1>
      <p safe>{error.words}</p>
      {error.again ? <SendAgain page={page} again={error.again} /> : null}
      <div class="z-empty-actions">
        {staff ? (
          <ButtonLink look="plain" href="/console" text={t('errors.home')} />
        ) : (
          <ButtonLink look="plain" href="/sign-in" text={t('errors.sign_in')} />
        )}
      </div>
      {error.requestId ? (
        <p class="z-request-id" safe>
          {t('errors.request_id', { id: error.requestId })}
        </p>
      ) : null}
    </div>
  );
  return staff ? (
    <Shell page={page} title={error.title}>
      {body}
    </Shell>
  ) : (
    <BareShell page={page} title={error.title}>
      {body}
    </BareShell>
  );
}

/** What somebody typed into a form that was not taken. */
export interface Again {
  action: string;
  fields: [string, string][];
}

/** Nothing typed is lost: whatever has words in it is shown, and all of it goes out again when the reader says so. */
function SendAgain({ page, again }: { page: Page; again: Again }): JSX.Element {
  return (
    <PostForm page={page} action={again.action} class="z-again">
      {again.fields.map(([name, value]) =>
        /\s/.test(value) ? (
          <textarea
            name={name}
            rows={value.length > 80 ? '6' : '2'}
            class="form-control"
            aria-label={name}
            safe
          >
            {`\n${value}`}
          </textarea>
        ) : (
          <input type="hidden" name={name} value={value} />
        ),
      )}
      <Button look="primary" text={page.t('errors.send_again')} />
    </PostForm>
  );
}

/** The words for a code of platform/problem.ts. */
export const ERROR_WORDS: Record<string, { icon: IconName; title: TextKey; words: TextKey }> = {
  'not-found': { icon: 'search', title: 'errors.not_found', words: 'errors.not_found_words' },
  forbidden: { icon: 'lock', title: 'errors.forbidden', words: 'errors.forbidden_words' },
  unavailable: { icon: 'clock', title: 'errors.unavailable', words: 'errors.unavailable_words' },
  'body-too-large': { icon: 'bad', title: 'errors.too_large', words: 'errors.too_large_words' },
  'malformed-request': { icon: 'bad', title: 'errors.bad_request', words: 'errors.bad_request_words' },
  'invalid-request': { icon: 'bad', title: 'errors.bad_request', words: 'errors.bad_request_words' },
  'too-many-requests': { icon: 'clock', title: 'errors.too_often', words: 'errors.too_often_words' },
  'internal-error': { icon: 'warning', title: 'errors.failed', words: 'errors.failed_words' },
};
