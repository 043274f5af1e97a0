export { isSlug, type NewStore, type StoreChanges } from './rules';
export { findStore, findStoreBySlug, findStoresBySlugs, type Store } from './store';
export {
  assertSecretsOpen,
  createStore,
  storeSecrets,
  syncEnvironmentStore,
  updateStore,
  webhookKey,
} from './stores';
