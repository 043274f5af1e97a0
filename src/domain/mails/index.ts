export { bareSubject, type BounceDoubt, bounceDoubt, bounceFlaw, type MatchedBy, senderOf, type SenderMark } from './rules';
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
