import type { Knex } from 'knex';
import type { SendingChannel } from '../domain/messages';
import type { MailboxGateway } from '../gateways/email';
import type { EmailGateway } from '../gateways/email/gateway';
import type { SmsGateway } from '../gateways/sms/gateway';
import type { WooCommerceGateway } from '../gateways/woocommerce/gateway';
import type { Actor } from '../platform/actor';
import { type Clock, iso } from '../platform/clock';
import type { FileStore } from '../platform/file-store';
import type { Ids } from '../platform/ids';
import type { Log } from '../platform/log';
import type { Moment } from '../platform/moment';
import type { Vault } from '../platform/secrets';
import type { Lanes } from './lanes';
import type { Walks } from './walks';

/** What buildApp() puts together and every use case takes first. */
export interface Context {
  db: Knex;
  clock: Clock;
  ids: Ids;
  log: Log;
  vault: Vault;
  /** Base of every link, without a final slash. */
  publicUrl: string;
  gateways: Gateways;
  /** 0..1: what waits are spread by; injected so that tests own chance. */
  chance(): number;
  /** What this process is sending now, and whether the providers answer. Nothing in it is needed by another process. */
  lanes: Lanes;
  /** What this process reads from shops now. */
  walks: Walks;
  /** Where the files of messages are kept; null: in the database. */
  files: FileStore | null;
  /** What the customers of the store `default` write to, where it has no address of its own: that of MAIL_FROM. */
  mailAddress: string;
  /** Tells this process's worker that there is work; others find it by polling. `outbox`: of every channel. */
  wake(
    work:
      | 'inbox'
      | 'outbox'
      | `outbox.${SendingChannel}`
      | 'mail.in'
      | 'sms.in'
      | 'sms.media'
      | 'imports'
      | 'shop.writes',
  ): void;
}

export interface Gateways {
  woocommerce: WooCommerceGateway;
  email: EmailGateway;
  sms: SmsGateway;
  /** What IMAP_URL names; null: none is read. */
  mailbox: MailboxGateway | null;
}

export function momentOf(ctx: Context, actor: Actor): Moment {
  return { at: iso(ctx.clock.now()), actor, ids: ctx.ids };
}
