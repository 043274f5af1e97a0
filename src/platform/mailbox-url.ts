/** What IMAP_URL says: a server, its folders, and where to move what was seen to. */
export interface MailboxAddress {
  host: string;
  port: number;
  /** TLS from the first byte; otherwise STARTTLS, which the server must offer, unless `plain`. */
  secure: boolean;
  /** In the clear: only to this machine itself, or where it was asked for. */
  plain: boolean;
  user: string;
  password: string;
  folders: string[];
  processed: string;
}

const OPTIONS = new Set(['processed', 'ignoreTLS']);

/**
 * Shape:   imaps://user:password@host[:port]/[folder[,folder…]][?processed=FOLDER][&ignoreTLS=true] → MailboxAddress,
 *          or what is wrong, in words without any part of the address
 */
export function readMailboxUrl(text: string): MailboxAddress | { wrong: string } {
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const [user, password, path, processed] = [
    url.username,
    url.password,
    url.pathname.replace(/^\/+|\/+$/g, ''),
    url.searchParams.get('processed') ?? 'Processed',
  ].map(decoded) as [string, string, string, string];
  if (user === '' || password === '') return { wrong: 'holds no user and password' };
  const unknown = [...url.searchParams.keys()].find((name) => !OPTIONS.has(name));
  if (unknown !== undefined || url.hash !== '') {
    return { wrong: 'has something after the folder that is neither processed nor ignoreTLS' };
  }
  const named = path.split(',').map((folder) => folder.trim());
  const folders = [...new Set(named.filter(Boolean))];
  if (folders.length === 0) folders.push('INBOX');
  if (processed.trim() === '') return { wrong: 'names no folder after processed=' };
  if (folders.some((folder) => folder.toUpperCase() === processed.toUpperCase())) {
    return { wrong: 'names one folder both for reading and for what was processed' };
  }
  // Port 993 speaks TLS from the first byte, whatever the scheme says.
  const secure = url.protocol === 'imaps:' || url.port === '993';
  return {
    host,
    port: Number(url.port) || (secure ? 993 : 143),
    secure,
    plain: !secure && (isThisMachine(host) || url.searchParams.get('ignoreTLS') === 'true'),
    user,
    password,
    folders,
    processed,
  };
}

/** To tell folders apart, in the database and the log; no secret in it. */
export function mailboxName({ user, host, port }: MailboxAddress, folder: string): string {
  return `${user}@${host}:${port}/${folder}`;
}

function isThisMachine(host: string): boolean {
  return host === '::1' || host === 'localhost' || /^127(\.\d{1,3}){3}$/.test(host);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that stands for itself
  }
}
