export { bringLines, flagsOf, newestFirst, payloadOf } from './orders';
export {
  contentSha256,
  factsSha256,
  type OrderPayload,
  type Refund,
  readOrderBody,
  readRefundsBody,
} from './payload';
export { isNewestAmbiguous, isTrashed, paidSince, type ReviewFlag, stateOf, wantedUnits } from './rules';
export {
  countOrdersOfTicket,
  endLease,
  keepSnapshot,
  leaseOrder,
  linesOf,
  lockOrderEndingLease,
  type Order,
  type OrderLine,
  renewLease,
  saveLine,
  saveOrder,
  snapshotsOf,
} from './store';
