export { keepInboundMail, type NewInboundMail } from './inbound-mail';
export { readMailHead } from './rules';
export {
  claimInboundMail,
  deleteOldRaws,
  lockInboundMail,
  saveInboundMail,
} from './store';
