export {
  bareSubject,
  bounceDoubt,
  bounceFlaw,
  type MatchedBy,
  type SenderMark,
  senderOf,
} from './rules';
export {
  addBounce,
  addMessageMail,
  type BouncedMessage,
  countBounces,
  decideBounce,
  decideSender,
  findBounce,
  findMessageMail,
  type MessageMail,
} from './store';
