/** A folder of a mailbox, held open. Whatever is called after it broke off throws MailboxProblem. */
export interface MailFolder {
  /** With another one, the numbers of the mails mean others. */
  uidValidity: string;
  /** All that are there now, the oldest first. */
  list(): Promise<{ uid: number; sizeBytes: number }[]>;
  /** The whole mail as it came; null: it is not there (any more), or the server does not give it. Errors: MailboxTooLarge */
  read(uid: number): Promise<Buffer | null>;
  /** Its head only, of a mail that is too large to be read. */
  readHead(uid: number): Promise<Buffer | null>;
  /** Moves it to the folder of those that were seen to, which is made if need be. False: the server does not want to. */
  putAway(uid: number): Promise<boolean>;
  /** For people who look into the folder: this one stays here. */
  flag(uid: number): Promise<void>;
  /** Until there may be something new: told by the server (IDLE), or after a while. */
  news(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface MailboxGateway {
  /** To tell mailboxes apart; no secret in it. */
  name(folder: string): string;
  folders: readonly string[];
  /** Errors: MailboxProblem */
  open(folder: string): Promise<MailFolder>;
}

/** Why a mailbox cannot be read, in plain words: the server's own can repeat user and password. */
export class MailboxProblem extends Error {
  constructor(
    readonly words: string,
    /** False: waiting does not mend it, a person must. */
    readonly passing: boolean,
  ) {
    super(words);
    this.name = 'MailboxProblem';
  }
}

/** The mail that was being read is larger than the server had said, and than is taken; the connection is gone. */
export class MailboxTooLarge extends MailboxProblem {
  constructor(words: string) {
    super(words, true);
  }
}
