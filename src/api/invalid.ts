import type { z } from 'zod';
import { Refusal } from '../platform/refusal';

export interface InvalidMember {
  /** Members from the outside in, joined by dots: grants.0.quantity */
  path: string;
  message: string;
}

export function invalidRequest(path: string, message: string): Refusal {
  return invalidMembers([{ path, message }]);
}

export function invalidMembers(errors: InvalidMember[]): Refusal {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = first
    ? `${first.path || 'The request'} ${first.message}${more}.`
    : 'The request is not valid.';
  return new Refusal('invalid-request', detail, { errors });
}

type Issue = z.core.$ZodIssue;

/** What the validator found, in words that finish the sentence "<member> …". Needs `reportInput`. */
export function membersIn(error: z.ZodError): InvalidMember[] {
  return error.issues.flatMap((issue) => membersOf(issue, []));
}

function membersOf(issue: Issue, outer: PropertyKey[]): InvalidMember[] {
  const at = [...outer, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: join([...at, key]), message: 'is not known here' }));
  }
  if (issue.code === 'invalid_union') {
    const branch = closestBranch(issue.errors);
    if (branch) return branch.flatMap((inner) => membersOf(inner, at));
  }
  return [{ path: join(at), message: inWords(issue) }];
}

/** Of several shapes that were allowed, the one that fits but for something further in. */
function closestBranch(branches: Issue[][]): Issue[] | undefined {
  return branches.find((branch) =>
    branch.every((issue) => issue.path.length > 0 && issue.input !== undefined),
  );
}

function join(path: PropertyKey[]): string {
  return path.map(String).join('.');
}

const KINDS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
};

function inWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      if (issue.input === undefined) return 'is required';
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((v) => JSON.stringify(v)).join(', ')}`;
    case 'too_small':
      return bound(issue.origin, 'at least', Number(issue.minimum));
    case 'too_big':
      return bound(issue.origin, 'at most', Number(issue.maximum));
    case 'invalid_union':
      if (issue.input === undefined) return 'is required';
      return issue.message.startsWith('must ') ? issue.message : 'has none of the allowed forms';
    case 'custom':
    case 'invalid_format':
      return issue.message;
    default:
      return 'is not valid';
  }
}

function bound(origin: string, words: string, n: number): string {
  if (origin === 'string')
    return n === 1 && words === 'at least' ? 'must not be empty' : `must have ${words} ${n} characters`;
  if (origin === 'array') return `must have ${words} ${n} ${n === 1 ? 'entry' : 'entries'}`;
  return `must be ${words} ${n}`;
}
