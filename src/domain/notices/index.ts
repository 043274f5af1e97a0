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
  endEpisode,
  keepSwept,
  keepTold,
  keepWarning,
  openEpisodes,
  passStep,
  sweptDays,
  takePace,
} from './store';
