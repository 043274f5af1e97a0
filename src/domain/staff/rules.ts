import { limits } from '../../platform/limits';
import { Refusal } from '../../platform/refusal';

/** From the one who may look to the one who may everything. */
export const ROLES = ['read-only', 'agent', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

/** DESIGN §8: a session ends after so long without a request, and after so long in any case. */
export const SESSION_IDLE_SECONDS = 12 * 3600;
export const SESSION_SECONDS = 7 * 24 * 3600;
export const SETUP_LINK_SECONDS = 24 * 3600;

/** What is wrong with a person's details: `code` for those who have words of their own, `message` for the others. */
export interface PersonMistake {
  path: 'email' | 'name' | 'signature' | 'password' | 'current_password';
  code:
    | 'missing'
    | 'unreadable'
    | 'not-an-address'
    | 'taken'
    | 'too-short'
    | 'too-long'
    | 'same-as-email'
    | 'wrong';
  message: string;
}

export function normaliseStaffEmail(email: string): string {
  // PostgreSQL cannot even be asked for a text with a NUL.
  return email.replaceAll('\0', '').normalize('NFC').trim().toLowerCase();
}

const EMAIL = /^[^\s\p{Cc}@<>,;:"()]+@[^\s\p{Cc}@<>,;:"()]+$/u;

/** Errors: invalid-request {errors: PersonMistake[]} */
export function checkPerson(input: {
  email?: string;
  name?: string;
  signature?: string;
  password?: string;
}): void {
  const errors: PersonMistake[] = [];
  const { email, name, signature, password } = input;
  if (email !== undefined) {
    const trimmed = email.trim();
    if (trimmed === '') errors.push({ path: 'email', code: 'missing', message: 'must not be empty' });
    else if (!EMAIL.test(trimmed) || trimmed.length > limits.emailChars) {
      errors.push({ path: 'email', code: 'not-an-address', message: 'must be an e-mail address' });
    }
  }
  if (name !== undefined) {
    const trimmed = name.trim();
    const { length } = trimmed;
    if (length === 0) errors.push({ path: 'name', code: 'missing', message: 'must not be empty' });
    else if (/\p{Cc}/u.test(trimmed)) {
      errors.push({ path: 'name', code: 'unreadable', message: 'must not have control characters' });
    } else if (length > limits.nameChars) {
      const message = `must have at most ${limits.nameChars} characters`;
      errors.push({ path: 'name', code: 'too-long', message });
    }
  }
  if (signature !== undefined) {
    if (/[^\P{Cc}\n\t]/u.test(signature)) {
      errors.push({ path: 'signature', code: 'unreadable', message: 'must not have control characters' });
    } else if (signature.length > limits.signatureChars) {
      const message = `must have at most ${limits.signatureChars} characters`;
      errors.push({ path: 'signature', code: 'too-long', message });
    }
  }
  if (password !== undefined) errors.push(...passwordMistakes(password, email));
  if (errors.length > 0) throw invalidPerson(errors);
}

function passwordMistakes(password: string, email: string | undefined): PersonMistake[] {
  const { length } = [...password];
  if (length < limits.passwordCharsMin) {
    const message = `must have at least ${limits.passwordCharsMin} characters`;
    return [{ path: 'password', code: 'too-short', message }];
  }
  if (length > limits.passwordCharsMax) {
    const message = `must have at most ${limits.passwordCharsMax} characters`;
    return [{ path: 'password', code: 'too-long', message }];
  }
  if (email && normaliseStaffEmail(password) === normaliseStaffEmail(email)) {
    return [{ path: 'password', code: 'same-as-email', message: 'must not be the e-mail address' }];
  }
  return [];
}

export function invalidPerson(errors: PersonMistake[]): Refusal {
  return new Refusal('invalid-request', 'The details of the person are not valid.', { errors });
}

/**
 * What is counted when somebody tries to sign in, and how many failures pass without a wait. A pair alone would let a
 * guesser with many addresses go on for ever; an e-mail alone would let anybody lock its owner out with five requests.
 */
export const ATTEMPTS = { pair: 5, address: 25, email: 100 } as const;
const FIRST_WAIT_SECONDS = 15;
const LONGEST_WAIT_SECONDS = 15 * 60;
/** After so long without a failure the counting starts anew. */
export const FORGET_FAILURES_SECONDS = 24 * 3600;

/** The wait that starts with failure number `failures`; 0: none. */
export function waitSeconds(failures: number, allowed: number): number {
  if (failures < allowed) return 0;
  return Math.min(FIRST_WAIT_SECONDS * 2 ** Math.min(failures - allowed, 20), LONGEST_WAIT_SECONDS);
}
