import { randomBytes } from 'node:crypto';
import { sha256Hex } from '../platform/secrets';
import type { StaffPage } from './page';

/** Stands hidden in a form that makes or spends something: a double click or a reload does it once. */
export function newFormKey(): string {
  return randomBytes(16).toString('base64url');
}

/** A posted form as a request that may come twice; keys belong to the person, requests to the address. */
export function repeatable(page: StaffPage, key: string, asked: unknown) {
  return {
    principal: `staff:${page.staff.id}`,
    key,
    requestSha256: sha256Hex(JSON.stringify([page.path, asked])),
  };
}
