import { limits } from '../../platform/limits';

/** Pure decisions about mails that were taken in. */

/** What tells to which ticket a mail belongs; the strongest sign first. */
export type MatchedBy = 'token' | 'message_id' | 'subject' | 'sender' | 'new';

export type SenderMark = 'known' | 'unproven' | 'different' | 'accepted';

/**
 * Whose words are they? A sender's address is written by whoever sends, so it proves nothing alone; together with
 * something that only readers of our mails know (a signed address, a Message-ID with 74 bits of chance) it does.
 * Shape:   how it was matched, and whether the sender has the customer's address → SenderMark
 * Source:  DESIGN §8 "different sender"; DKIM cannot be checked without asking the sender's DNS
 */
export function senderOf(mail: {
  matchedBy: MatchedBy;
  isCustomersAddress: boolean;
  /** Nothing of the customer's was here before: there is nobody to be mistaken for. */
  isFirstContact: boolean;
}): SenderMark {
  if (mail.isFirstContact) return 'known';
  if (!mail.isCustomersAddress) return 'different';
  return mail.matchedBy === 'token' || mail.matchedBy === 'message_id' ? 'known' : 'unproven';
}

export type BounceDoubt = 'repeated' | 'answered';

/**
 * Does a bounce of a paid message give its credit back by itself? Its reader can forge one from what our mail shows, so
 * once, and not after having answered the very mail that is said never to have arrived.
 * Shape:   → null: it does; else why a person has to say
 * Source:  DESIGN §8
 */
export function bounceDoubt(known: { bouncesBefore: number; answeredSince: boolean }): BounceDoubt | null {
  if (known.answeredSince) return 'answered';
  return known.bouncesBefore > 0 ? 'repeated' : null;
}

/**
 * May a bounce be believed at all?
 * Shape:   → null: yes; else why not
 * Source:  DESIGN §8: null sender, the message's own return path, 5 days
 */
export function bounceFlaw(bounce: {
  hasToken: boolean;
  hasNullSender: boolean;
  /** When the message went out; null: it did not, as far as is known. */
  sentAt: string | null;
  at: string;
}): 'no_token' | 'sender' | 'late' | null {
  if (!bounce.hasToken) return 'no_token';
  if (!bounce.hasNullSender) return 'sender';
  if (bounce.sentAt === null) return null;
  const days = (Date.parse(bounce.at) - Date.parse(bounce.sentAt)) / 86_400_000;
  return days <= limits.bounceDays ? null : 'late';
}

/** "Re:", "Fwd:" and their like, in the languages of our customers' mail programs; and our own tag. */
const PREFIX =
  /^\s*(?:(?:re|aw|sv|odg|odgovor|vs|fw|fwd|wg|tr|rv|i|prosl|posr|posredovano|απ|πρθ|σχετ)\s*(?:\[\d+\])?\s*[:：]|\[#\d{1,9}\])\s*/iu;

/** A subject as the ticket is called: without what mail programs and Zeton put around it. */
export function bareSubject(subject: string): string {
  let bare = subject.trim();
  for (let before = ''; before !== bare; ) {
    before = bare;
    bare = bare.replace(PREFIX, '').replace(/\s*\[#\d{1,9}\]\s*$/, '');
  }
  return bare.trim();
}
