export {
  type Arrival,
  finishDelivery,
  postponeDelivery,
  retryDelivery,
  storeDeliveries,
  storeDelivery,
} from './inbox';
export { claimDeliveries, type Delivery, findDelivery, leaseUntil, renewLeases } from './store';
