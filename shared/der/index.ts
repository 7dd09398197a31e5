export {
  context,
  DerError,
  der,
  derNatural,
  type Element,
  naturalOf,
  oidOf,
  only,
  Reader,
  tags,
} from './der.ts';
