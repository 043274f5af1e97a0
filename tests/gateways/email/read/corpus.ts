import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(__dirname, '../../../fixtures/mail');

/** With this the tokens in the corpus were made. */
export const CORPUS_SECRET = 'a secret of the mail corpus, 32 characters and more';
/** Whose support mailbox the corpus came to. */
export const OWN_DOMAINS = ['trgovina.example', 'pomoc.trgovina.example'];

/** What a mail must be read as; what is left out is not looked at. */
export interface Expected {
  class: string;
  text?: string;
  visibleText?: string;
  visibleHas?: string[];
  quotedText?: string;
  quotedHas?: string[];
  signatureHas?: string[];
  subject?: string;
  subjectHas?: string;
  subjectTag?: number;
  fromName?: string;
  fromAddress?: string | null;
  otherFrom?: string[];
  messageId?: string | null;
  date?: string | null;
  returnPath?: string | null;
  inReplyTo?: string[];
  referencesCount?: number;
  ticketId?: string | null;
  bounceMessageId?: string | null;
  charset?: { name: string; guessed: boolean };
  attachments?: [filename: string, contentType: string, inline: boolean][];
  remoteImages?: number;
  htmlHas?: string[];
  htmlLacks?: string[];
  bounce?: unknown;
  reasonHas?: string;
  mayAutoAnswer?: boolean;
}

export interface CorpusMail {
  name: string;
  raw: Buffer;
  expected: Expected;
}

export function corpus(): CorpusMail[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.eml'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.eml'.length),
      raw: readFileSync(join(FOLDER, file)),
      expected: JSON.parse(readFileSync(join(FOLDER, file.replace(/eml$/, 'json')), 'utf8')) as Expected,
    }));
}
