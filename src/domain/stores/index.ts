export { CUSTOMER_NOTES, type CustomerNote, isSlug, type NewStore, type StoreChanges } from './rules';
export { findStore, findStoreBySlug, findStoresBySlugs, listStores, type Store } from './store';
export {
  assertSecretsOpen,
  createStore,
  ensureWebhookSecret,
  setCurrency,
  storeSecrets,
  syncEnvironmentStore,
  updateStore,
  webhookKey,
} from './stores';
