export { keepInboundMail, type NewInboundMail } from './inbound-mail';
export { readMailHead } from './rules';
export {
  type AnswerDue,
  answersDue,
  claimInboundMail,
  deleteOldRaws,
  type InboundMailRow,
  lockInboundMail,
  postponeAnswer,
  reopenInboundMail,
  saveInboundMail,
  takeAnswer,
} from './store';
