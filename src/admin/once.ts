import { randomBytes } from 'node:crypto';
import { sha256Hex } from '../platform/secrets';
import type { Form } from '../ui/form';
import type { StaffPage } from '../ui/page';
import type { RepeatableRequest } from '../usecases/idempotency';

/** Stands hidden in a form that makes something: a double click or a reload makes it once. */
export function newFormKey(): string {
  return randomBytes(16).toString('base64url');
}

/** The form as a request that may come twice. */
export function requestOf(page: StaffPage, form: Form): RepeatableRequest {
  const fields = form.entries().filter(([name]) => name !== '_csrf' && name !== 'key');
  return {
    principal: `staff:${page.staff.id}`,
    key: form.text('key').slice(0, 64) || newFormKey(),
    requestSha256: sha256Hex(JSON.stringify([page.path, fields])),
  };
}
