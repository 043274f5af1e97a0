export { type Hold, leaveInFolder, mailboxLeaseUntil, noteProblem, noteRead, takeMailbox } from './mailboxes';
export { type Mailbox, releaseMailbox, renewMailbox } from './store';
