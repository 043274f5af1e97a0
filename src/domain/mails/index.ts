export {
  type BounceDoubt,
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
  countBounces,
  decideBounce,
  decideSender,
  findBounce,
  findMessageMail,
  type MessageMail,
} from './store';
