export {
  addMessage,
  giveUpAsUncertain,
  postpone,
  recordSandboxMessage,
  type Settlement,
  settle,
} from './messages';
export {
  checkedBody,
  checkedSubject,
  type MessageStatus,
  type Outcome,
  type Segments,
  segmentsOf,
  SENDING_CHANNELS,
  type SendingChannel,
} from './rules';
export {
  type Claim,
  claimRows,
  findMessage,
  hasSandboxMessage,
  listSandboxMessages,
  type Message,
  newestMessage,
  providerIdsTaken,
  type SandboxMessage,
} from './store';
