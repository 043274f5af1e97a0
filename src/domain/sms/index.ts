export {
  type InboundForm,
  isOnlyKeyword,
  isPhoneNumber,
  type Keyword,
  keywordOf,
  OPTED_OUT_CODE,
  outcomeOf,
  readInboundForm,
} from './rules';
export {
  addMedia,
  closeReport,
  keepInboundSms,
  keepReport,
  optIn,
  optOut,
  refuseOptedOut,
  takeReportsDue,
} from './sms';
export {
  answersDue,
  claimInbound,
  claimMedia,
  countFrom,
  findOptOut,
  type InboundSms,
  lockInbound,
  type Media,
  type Report,
  saveInbound,
  saveMedia,
  takeAnswer,
} from './store';
