export {
  type AnswerDue,
  type ArrivalChanges,
  answersDue,
  type ClaimedArrival,
  claimArrivals,
  countArrivals,
  lockArrival,
  postponeAnswer,
  reopenArrival,
  saveArrival,
  takeAnswer,
  type Way,
} from './store';
