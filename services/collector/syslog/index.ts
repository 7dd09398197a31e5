export {
  createHeaderParser,
  type HeaderFormat,
  type HeaderParser,
  type HeaderParserOptions,
} from './header-parser.ts';
export { flatten } from './text.ts';
