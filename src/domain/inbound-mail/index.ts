export { keepInboundMail, type NewInboundMail } from './inbound-mail';
export { readMailHead } from './rules';
export {
  claimInboundMail,
  deleteOldRaws,
  type InboundMailRow,
  lockInboundMail,
  saveInboundMail,
} from './store';
