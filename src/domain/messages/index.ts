export {
  addMessage,
  giveUpAsUncertain,
  postpone,
  recordSandboxMessage,
  settle,
} from './messages';
export {
  checkedBody,
  checkedSubject,
  type MessageStatus,
  type Outcome,
  type Plainer,
  plainerParts,
  plainLetters,
  plainSigns,
  SENDING_CHANNELS,
  type Segments,
  type SendingChannel,
  segmentsOf,
} from './rules';
export {
  type Claim,
  claimRows,
  findMessage,
  hasConversation,
  hasSandboxMessage,
  listSandboxMessages,
  lockMessage,
  type Message,
  moveMessage,
  newestMessage,
  providerIdsTaken,
} from './store';
