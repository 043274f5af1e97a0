export { type Hold, leaveInFolder, mailboxLeaseUntil, noteProblem, noteRead, takeMailbox } from './mailboxes';
export { findMailboxes, type Mailbox, releaseMailbox, renewMailbox } from './store';
