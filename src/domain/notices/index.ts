export {
  type Episode,
  type ExpiryStep,
  expiryBounds,
  isWorthTelling,
  lastDayOf,
  type News,
  nearestStep,
  newsOf,
} from './rules';
export {
  countInPace,
  endEpisode,
  keepSwept,
  keepTold,
  keepWarning,
  lockPace,
  openEpisodes,
  passStep,
  sweptDays,
} from './store';
