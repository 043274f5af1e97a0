export { keepInboundMail, type NewInboundMail } from './inbound-mail';
export { readMailHead } from './rules';
export { deleteOldRaws, type InboundMailRow, readClaimedMail } from './store';
