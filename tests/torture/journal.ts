import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** What the providers were told, in order: one line of JSON each, in the file before the answer leaves. */
export type Entry =
  /** `known`: what is answered leaves no doubt whether it was taken. */
  | { what: 'sms asked'; to: string; body: string; known: boolean }
  | { what: 'sms kept'; to: string; body: string; sid: string; arrives: boolean }
  | { what: 'sms looked up'; to: string }
  | { what: 'mail kept'; to: string; messageId: string; text: string };

/** Outlives every process of ours, this one included; a power cut is not part of the torture. */
export function writeEntry(file: string, entry: Entry): void {
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

export function readEntries(file: string): Entry[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}
