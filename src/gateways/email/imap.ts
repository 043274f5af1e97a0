import { type FetchQueryObject, ImapFlow, type ImapFlowError, type MailboxObject } from 'imapflow';
import { limits as defaults } from '../../platform/limits';
import { type MailboxAddress, mailboxName } from '../../platform/mailbox-url';
import { type MailboxGateway, MailboxProblem, MailboxTooLarge, type MailFolder } from './mailbox';

type Limits = Pick<
  { [Limit in keyof typeof defaults]: number },
  | 'mailBytes'
  | 'mailHeaderBytes'
  | 'imapConnectMs'
  | 'imapSilenceMs'
  | 'imapIdleMs'
  | 'imapPollMs'
  | 'imapLogoutMs'
>;

/**
 * A mailbox by IMAP. One connection for each open folder; certificates are checked.
 * Shape:   MailboxAddress → MailboxGateway
 * Source:  RFC 3501, 2177 (IDLE), 4315 (UIDPLUS), 6851 (MOVE)
 */
export function makeImapGateway(address: MailboxAddress, limits: Limits = defaults): MailboxGateway {
  return {
    folders: address.folders,
    name: (folder) => mailboxName(address, folder),
    open: (folder) => openFolder(address, folder, limits),
  };
}

/** Does the server answer, accept our sign-in, and have the folders? Shape: → null, or what is wrong */
export async function probeMailbox(address: MailboxAddress, answerMs: number): Promise<string | null> {
  try {
    for (const folder of address.folders) {
      const opened = await openFolder(address, folder, { ...defaults, imapConnectMs: answerMs });
      await opened.close();
    }
    return null;
  } catch (error) {
    if (error instanceof MailboxProblem) return error.words;
    throw error;
  }
}

async function openFolder(address: MailboxAddress, path: string, limits: Limits): Promise<MailFolder> {
  const client = new ImapFlow({
    host: address.host,
    port: address.port,
    secure: address.secure,
    // Asked for, it must be there: nobody between may take it away.
    ...(address.secure ? {} : { doSTARTTLS: !address.plain }),
    auth: { user: address.user, pass: address.password },
    // It would log what users and servers say.
    logger: false,
    disableAutoIdle: true,
    connectionTimeout: limits.imapConnectMs,
    greetingTimeout: limits.imapConnectMs,
    socketTimeout: limits.imapSilenceMs,
    // A server that announces more than is asked for is cut off before it is read.
    maxLiteralSize: limits.mailBytes,
    maxResponseSize: limits.mailBytes + limits.mailHeaderBytes,
  });
  // Without a listener a broken connection would end the process; every call that waits is told as well.
  let broken: Error | null = null;
  client.on('error', (error) => {
    broken ??= error;
  });
  const ask = async <T>(what: () => Promise<T>): Promise<T> => {
    try {
      const answer = await what();
      if (!client.usable) throw broken ?? new Error('closed');
      return answer;
    } catch (error) {
      throw problemOf(broken ?? error, address);
    }
  };

  let changed = false;
  let tell = () => {};
  client.on('exists', () => {
    changed = true;
    tell();
  });
  client.on('close', () => tell());

  const abandon = () => client.close();
  try {
    await client.connect();
  } catch (error) {
    abandon();
    throw problemOf(broken ?? error, address);
  }
  let opened: MailboxObject;
  try {
    opened = await client.mailboxOpen(path);
  } catch (error) {
    abandon();
    if ((error as ImapFlowError).responseStatus === undefined) throw problemOf(broken ?? error, address);
    throw new MailboxProblem(`the mailbox has no folder ${path}, or does not open it`, false);
  }
  if (opened.readOnly) {
    abandon();
    const words = `the folder ${path} may only be read, so nothing could be moved out of it`;
    throw new MailboxProblem(words, false);
  }

  const byUid = { uid: true };
  let hasPlace = false;
  const sourceOf = async (uid: number, source: NonNullable<FetchQueryObject['source']>) => {
    try {
      const mail = await client.fetchOne(uid, { uid: true, source }, byUid);
      return mail ? (mail.source ?? null) : null;
    } catch (error) {
      // Of this mail the server has nothing to give; of the others perhaps.
      if ((error as ImapFlowError).responseStatus === 'NO') return null;
      throw error;
    }
  };
  return {
    uidValidity: String(opened.uidValidity),
    async list() {
      changed = false;
      return ask(async () => {
        if (client.mailbox && client.mailbox.exists === 0) await client.noop();
        if (client.mailbox && client.mailbox.exists === 0) return [];
        const found: { uid: number; sizeBytes: number }[] = [];
        for await (const { uid, size } of client.fetch('1:*', { uid: true, size: true }, byUid)) {
          found.push({ uid, sizeBytes: size ?? 0 });
        }
        return found.sort((a, b) => a.uid - b.uid);
      });
    },
    read: (uid) => ask(() => sourceOf(uid, true)),
    readHead: (uid) => ask(() => sourceOf(uid, { start: 0, maxLength: limits.mailHeaderBytes })),
    putAway: (uid) =>
      ask(async () => {
        if (!hasPlace) {
          await makeFolder(client, address.processed);
          hasPlace = true;
        }
        return (await client.messageMove(uid, address.processed, byUid)) !== false;
      }),
    flag: (uid) => ask(async () => void (await client.messageFlagsAdd(uid, ['\\Flagged'], byUid))),
    async news(signal) {
      const idles = client.capabilities.has('IDLE');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, idles ? limits.imapIdleMs : limits.imapPollMs);
        tell = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', tell);
          resolve();
        };
        signal.addEventListener('abort', tell);
        if (changed || signal.aborted || !client.usable) return tell();
        // Ended by the next command. What it is told comes as 'exists', and that it broke off as 'close'.
        if (idles) void client.idle().catch(() => undefined);
      });
      if (!client.usable) throw problemOf(broken ?? new Error('closed'), address);
    },
    async close() {
      const timer = setTimeout(abandon, limits.imapLogoutMs);
      await client.logout().catch(() => undefined);
      clearTimeout(timer);
      abandon();
    },
  };
}

async function makeFolder(client: ImapFlow, path: string): Promise<void> {
  const prefix = client.namespace?.prefix ?? '';
  const folders = await client.list();
  const there = folders.some((folder) => folder.path === path || folder.path === prefix + path);
  if (!there) await client.mailboxCreate(path);
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);
const CERTIFICATE = /^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED|ERR_SSL|EPROTO)/;

function problemOf(error: unknown, { host, port, secure }: MailboxAddress): MailboxProblem {
  if (error instanceof MailboxProblem) return error;
  const { code = '', authenticationFailed, responseStatus } = error as ImapFlowError;
  const server = `the mail server ${host}:${port}`;
  if (authenticationFailed)
    return new MailboxProblem(`${server} does not accept our user and password`, false);
  if (UNREACHABLE.has(code)) return new MailboxProblem(`${server} cannot be reached (${code})`, true);
  if (CERTIFICATE.test(code)) {
    return new MailboxProblem(`the certificate of ${server} is not one to trust (${code})`, false);
  }
  if (/STARTTLS|UPGRADE/.test(code) || /STARTTLS/.test((error as Error).message)) {
    return new MailboxProblem(`${server} offers no encryption; imaps:// or ?ignoreTLS=true is needed`, false);
  }
  if (/TIMEOUT/i.test(code)) return new MailboxProblem(`${server} did not answer in time`, true);
  if (code === 'LiteralTooLarge') return new MailboxTooLarge(`${server} sends more than it announced`);
  if (responseStatus) return new MailboxProblem(`${server} refused what was asked (${responseStatus})`, true);
  const detail = /^\w{1,40}$/.test(code) ? code : secure ? 'no IMAP over TLS there?' : 'no IMAP there?';
  return new MailboxProblem(`the connection to ${server} broke off (${detail})`, true);
}
