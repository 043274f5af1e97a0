import { Icon } from './icons';
import type { Page } from './page';

/** Something to take elsewhere: selected by a click, and copied by the button where a script runs. */
export function CopyField({
  page,
  id,
  label,
  value,
}: {
  page: Page;
  id: string;
  label: string;
  value: string;
}): JSX.Element {
  const { t } = page;
  return (
    <div class="z-field">
      <label class="form-label" for={id} safe>
        {label}
      </label>
      <div class="z-copy">
        <input id={id} class="form-control" type="text" value={value} readonly data-select />
        <button type="button" class="btn" data-copy={id} data-done={t('copy.done')} hidden>
          <Icon name="copy" />
          <span safe>{t('copy.copy')}</span>
        </button>
        <span class="visually-hidden" role="status" />
      </div>
    </div>
  );
}
