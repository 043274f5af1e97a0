export { isGoneForGood } from './rules';
export { allowAgain, findSuppression, type Suppression, suppress } from './store';
