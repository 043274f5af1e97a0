import type { PersonMistake } from '../domain/staff';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { Mistakes } from '../ui/form';
import type { Page } from '../ui/page';

/** The reader's words for what domain/staff says of a person's details; another error is thrown on. */
export function personMistakes(page: Page, error: unknown): Mistakes {
  if (!(error instanceof Refusal) || error.code !== 'invalid-request') throw error;
  const mistakes: Mistakes = {};
  for (const mistake of error.facts.errors as PersonMistake[])
    mistakes[mistake.path] ??= words(page, mistake);
  return mistakes;
}

function words({ t }: Page, { path, code }: PersonMistake): string {
  switch (code) {
    case 'missing':
      return t(path === 'name' ? 'person_mistakes.name_missing' : 'person_mistakes.email_missing');
    case 'unreadable':
      return t(
        path === 'signature' ? 'person_mistakes.signature_unreadable' : 'person_mistakes.name_unreadable',
      );
    case 'not-an-address':
      return t('person_mistakes.email_not_an_address');
    case 'taken':
      return t('person_mistakes.email_taken');
    case 'too-short':
      return t('person_mistakes.password_too_short', { count: limits.passwordCharsMin });
    case 'too-long':
      if (path === 'signature') {
        return t('person_mistakes.signature_too_long', { count: limits.signatureChars });
      }
      return path === 'name'
        ? t('person_mistakes.name_too_long', { count: limits.nameChars })
        : t('person_mistakes.password_too_long', { count: limits.passwordCharsMax });
    case 'same-as-email':
      return t('person_mistakes.password_same_as_email');
    case 'wrong':
      return t('person_mistakes.password_wrong');
  }
}
