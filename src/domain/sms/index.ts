export {
  isOnlyKeyword,
  isPhoneNumber,
  keywordOf,
  OPTED_OUT_CODE,
  outcomeOf,
  readInboundForm,
} from './rules';
export {
  addMedia,
  closeReport,
  hasLaterWord,
  keepInboundSms,
  keepReceivedSms,
  keepReport,
  optIn,
  optOut,
  refuseOptedOut,
  takeReportsDue,
} from './sms';
export {
  claimMedia,
  findOptOut,
  type InboundSms,
  type Media,
  type Report,
  readInbound,
  readOfLine,
  saveMedia,
  saveReadUntil,
  unknownSids,
} from './store';
